-- What campaigns sent to one user, and what the user did after: events that name the same campaign, up to
-- its next contact; and orders within $after_days, whatever made them buy.
WITH mine AS (
    SELECT event_type, event_time, campaign_id, channel, order_id, value
    FROM events
    WHERE user_id = $user_id
),

received AS (
    SELECT
        event_time,
        campaign_id,
        min(channel) AS channel,
        lead(event_time) OVER (PARTITION BY campaign_id ORDER BY event_time) AS next_time
    FROM mine
    WHERE event_type = 'campaign_received'
    GROUP BY event_time, campaign_id
),

answered AS (
    SELECT
        r.event_time,
        r.campaign_id,
        count(*) AS n_answers,
        min(a.event_time) AS answered_at
    FROM received AS r
    INNER JOIN mine AS a
        ON
            a.campaign_id = r.campaign_id
            AND a.event_time >= r.event_time
            AND (r.next_time IS NULL OR a.event_time < r.next_time)
    WHERE a.event_type NOT IN ('campaign_received', 'impression', 'refund')
    GROUP BY r.event_time, r.campaign_id
),

placed AS (
    SELECT min(event_time) AS event_time, CAST(sum(value) AS DECIMAL(38, 4)) AS value
    FROM mine
    WHERE event_type = 'purchase'
    GROUP BY order_id, CASE WHEN order_id IS NULL THEN event_time END
),

bought AS (
    SELECT
        r.event_time,
        r.campaign_id,
        count(*) AS n_orders,
        CAST(sum(p.value) AS DECIMAL(38, 4)) AS value
    FROM received AS r
    INNER JOIN placed AS p
        ON
            p.event_time >= r.event_time
            AND CAST(epoch(p.event_time) AS BIGINT) - CAST(epoch(r.event_time) AS BIGINT)
            < CAST($after_days AS BIGINT) * 86400
    GROUP BY r.event_time, r.campaign_id
)

SELECT
    r.event_time,
    r.campaign_id,
    r.channel,
    coalesce(a.n_answers, 0) AS n_answers,
    a.answered_at,
    coalesce(b.n_orders, 0) AS n_orders,
    b.value
FROM received AS r
LEFT JOIN answered AS a ON a.event_time = r.event_time AND a.campaign_id IS NOT DISTINCT FROM r.campaign_id
LEFT JOIN bought AS b ON b.event_time = r.event_time AND b.campaign_id IS NOT DISTINCT FROM r.campaign_id
ORDER BY r.event_time DESC, r.campaign_id
