-- What campaigns sent to one user, and what the user did after: any visit and any order within
-- $response_days, strictly after; and events that name the same campaign, up to its next contact.
WITH mine AS (
    SELECT
        event_type,
        event_time,
        CAST(epoch(event_time) AS BIGINT) AS at_s,
        campaign_id,
        channel,
        order_id,
        value,
        event_type NOT IN ('campaign_received', 'impression', 'refund') AS visit
    FROM events
    WHERE user_id = $user_id AND event_time <= CAST($as_of AS TIMESTAMP)
),

received AS (
    SELECT
        event_time,
        at_s,
        campaign_id,
        min(channel) AS channel,
        count(*) AS n_contacts,
        lead(event_time) OVER (PARTITION BY campaign_id ORDER BY event_time) AS next_time
    FROM mine
    WHERE event_type = 'campaign_received'
    GROUP BY event_time, at_s, campaign_id
),

visited AS (
    SELECT r.event_time, r.campaign_id, min(v.event_time) AS answered_at
    FROM received AS r
    INNER JOIN mine AS v
        ON v.visit AND v.at_s > r.at_s AND v.at_s - r.at_s <= CAST($response_days AS BIGINT) * 86400
    GROUP BY r.event_time, r.campaign_id
),

named AS (
    SELECT r.event_time, r.campaign_id, count(*) AS n_named
    FROM received AS r
    INNER JOIN mine AS v
        ON
            v.visit
            AND v.campaign_id = r.campaign_id
            AND v.at_s >= r.at_s
            AND (r.next_time IS NULL OR v.event_time < r.next_time)
    GROUP BY r.event_time, r.campaign_id
),

placed AS (
    SELECT min(at_s) AS at_s, CAST(sum(value) AS DECIMAL(38, 4)) AS value
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
        ON p.at_s > r.at_s AND p.at_s - r.at_s <= CAST($response_days AS BIGINT) * 86400
    GROUP BY r.event_time, r.campaign_id
)

SELECT
    r.event_time,
    r.campaign_id,
    r.channel,
    r.n_contacts,
    v.answered_at,
    coalesce(n.n_named, 0) AS n_named,
    coalesce(b.n_orders, 0) AS n_orders,
    b.value
FROM received AS r
LEFT JOIN visited AS v ON v.event_time = r.event_time AND v.campaign_id IS NOT DISTINCT FROM r.campaign_id
LEFT JOIN named AS n ON n.event_time = r.event_time AND n.campaign_id IS NOT DISTINCT FROM r.campaign_id
LEFT JOIN bought AS b ON b.event_time = r.event_time AND b.campaign_id IS NOT DISTINCT FROM r.campaign_id
ORDER BY r.event_time DESC, r.campaign_id
