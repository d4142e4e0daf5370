-- What everybody did in the last $trend_days and in as many before: of all users, as it depends on the moment.
CREATE TEMP TABLE recent AS
WITH aged AS (
    SELECT
        user_id,
        event_type,
        value,
        CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(event_time) AS BIGINT)
        < CAST($trend_days AS BIGINT) * 86400 AS late
    FROM seen_all
    WHERE
        event_time <= CAST($as_of AS TIMESTAMP)
        AND CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(event_time) AS BIGINT)
            < 2 * CAST($trend_days AS BIGINT) * 86400
        AND user_id IS NOT NULL
        AND event_type NOT IN ('campaign_received', 'impression')
),
ordered AS (
    SELECT
        user_id,
        CAST(count(*) FILTER (WHERE late) AS BIGINT) AS n_orders,
        CAST(count(*) FILTER (WHERE NOT late) AS BIGINT) AS n_orders_before
    FROM (
        SELECT
            user_id,
            CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(bought_at) AS BIGINT)
            < CAST($trend_days AS BIGINT) * 86400 AS late
        FROM out.recent_orders
    )
    GROUP BY user_id
),
acted AS (
    SELECT
        user_id,
        count(*) FILTER (WHERE late) AS n_events,
        count(*) FILTER (WHERE NOT late) AS n_events_before,
        CAST(sum(value) FILTER (WHERE late AND event_type IN ('purchase', 'refund')) AS DECIMAL(38, 4)) AS spend,
        CAST(sum(value) FILTER (WHERE NOT late AND event_type IN ('purchase', 'refund')) AS DECIMAL(38, 4)) AS spend_before
    FROM aged
    GROUP BY user_id
)
SELECT
    a.user_id,
    a.n_events,
    a.n_events_before,
    coalesce(o.n_orders, 0) AS n_orders,
    coalesce(o.n_orders_before, 0) AS n_orders_before,
    a.spend,
    a.spend_before
FROM acted AS a
LEFT JOIN ordered AS o ON o.user_id = a.user_id
