-- How the chosen users' shares of events, dwell and spend in one dimension moved from one period to a later one.
-- Users with own events on named things in both periods count, each the same; one without a row for a name gave
-- it nothing. Dwell is the silence until the user's next own event, within the session gap and the cap, as in
-- profiles. Sums of squares are those of each user's change.
WITH own AS (
    SELECT
        e.user_id,
        e.event_time,
        e.event_type,
        e.item_id,
        e.channel,
        e.local_hour,
        e.value,
        CASE
            WHEN e.local_date >= CAST($before_from AS DATE) AND e.local_date < CAST($before_until AS DATE) THEN 0
            WHEN e.local_date >= CAST($now_from AS DATE) AND e.local_date < CAST($now_until AS DATE) THEN 1
        END AS period,
        CAST(epoch(lead(e.event_time) OVER w) AS BIGINT) - CAST(epoch(e.event_time) AS BIGINT) AS silence_s
    FROM events AS e
    SEMI JOIN chosen AS c ON c.user_id = e.user_id
    WHERE
        e.event_type NOT IN ('campaign_received', 'impression')
        AND e.local_date >= CAST($before_from AS DATE)
        AND e.local_date < CAST($now_until AS DATE)
    WINDOW w AS (PARTITION BY e.user_id ORDER BY e.event_time, e.item_id, e.event_type, e.channel)
),
named AS (
    SELECT
        o.user_id,
        o.period,
        CASE CAST($dimension AS VARCHAR)
            WHEN 'category' THEN i.category
            WHEN 'brand' THEN i.brand
            WHEN 'channel' THEN o.channel
            WHEN 'hour' THEN lpad(CAST(o.local_hour AS VARCHAR), 2, '0')
            ELSE o.event_type
        END AS name,
        CASE
            WHEN o.silence_s <= 60 * CAST($session_gap_minutes AS BIGINT) AND o.event_type <> 'purchase'
                THEN least(o.silence_s, 60 * CAST($dwell_cap_minutes AS BIGINT))
        END AS dwell_s,
        CASE WHEN o.event_type = 'purchase' THEN o.value END AS spend
    FROM own AS o
    LEFT JOIN items AS i ON i.item_id = o.item_id
    WHERE o.period IS NOT NULL AND o.event_type NOT IN ('refund', 'coupon_redeemed')
),
cells AS (
    SELECT
        user_id,
        period,
        name,
        CAST(count(*) AS DOUBLE) AS n_events,
        CAST(sum(dwell_s) AS DOUBLE) AS dwell_s,
        CAST(sum(spend) AS DOUBLE) AS spend
    FROM named
    WHERE name IS NOT NULL
    GROUP BY user_id, period, name
),
totals AS (
    SELECT
        user_id,
        period,
        nullif(sum(n_events), 0) AS n_events,
        nullif(sum(dwell_s), 0) AS dwell_s,
        CASE WHEN sum(spend) > 0 THEN sum(spend) END AS spend
    FROM cells
    GROUP BY user_id, period
),
paired AS (
    SELECT
        b.user_id,
        b.n_events AS before_events,
        n.n_events AS now_events,
        CASE WHEN n.dwell_s IS NOT NULL THEN b.dwell_s END AS before_dwell,
        CASE WHEN b.dwell_s IS NOT NULL THEN n.dwell_s END AS now_dwell,
        CASE WHEN n.spend IS NOT NULL THEN b.spend END AS before_spend,
        CASE WHEN b.spend IS NOT NULL THEN n.spend END AS now_spend
    FROM totals AS b
    INNER JOIN totals AS n ON n.user_id = b.user_id AND n.period = 1
    WHERE b.period = 0
),
shares AS (
    SELECT
        c.user_id,
        c.name,
        coalesce(sum(c.n_events) FILTER (WHERE c.period = 0), 0) / any_value(b.before_events) AS before_attention,
        coalesce(sum(c.n_events) FILTER (WHERE c.period = 1), 0) / any_value(b.now_events) AS now_attention,
        coalesce(sum(c.dwell_s) FILTER (WHERE c.period = 0), 0) / any_value(b.before_dwell) AS before_dwell,
        coalesce(sum(c.dwell_s) FILTER (WHERE c.period = 1), 0) / any_value(b.now_dwell) AS now_dwell,
        coalesce(sum(c.spend) FILTER (WHERE c.period = 0), 0) / any_value(b.before_spend) AS before_spend,
        coalesce(sum(c.spend) FILTER (WHERE c.period = 1), 0) / any_value(b.now_spend) AS now_spend
    FROM cells AS c
    INNER JOIN paired AS b ON b.user_id = c.user_id
    GROUP BY c.user_id, c.name
),
counted AS (
    SELECT count(*) AS n, count(before_dwell) AS n_dwell, count(before_spend) AS n_spend FROM paired
)
SELECT
    s.name,
    any_value(k.n) AS n_users,
    any_value(k.n_dwell) AS n_dwelling,
    any_value(k.n_spend) AS n_spenders,
    count(*) AS n_attending,
    sum(s.before_attention) AS before_attention,
    sum(s.now_attention) AS now_attention,
    sum((s.now_attention - s.before_attention) * (s.now_attention - s.before_attention)) AS attention_squares,
    sum(s.before_dwell) AS before_dwell,
    sum(s.now_dwell) AS now_dwell,
    sum((s.now_dwell - s.before_dwell) * (s.now_dwell - s.before_dwell)) AS dwell_squares,
    sum(s.before_spend) AS before_spend,
    sum(s.now_spend) AS now_spend,
    sum((s.now_spend - s.before_spend) * (s.now_spend - s.before_spend)) AS spend_squares
FROM shares AS s
CROSS JOIN counted AS k
GROUP BY s.name
ORDER BY now_attention DESC, s.name
