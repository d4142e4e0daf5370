-- A user's events, one row per type and moment; the lines of one order are one row.
SELECT
    event_type,
    min(event_time) AS event_time,
    CAST(NULL AS DATE) AS local_date,
    count(*) AS n_events,
    count(DISTINCT item_id) AS n_items,
    CAST(sum(value) AS DECIMAL(38, 4)) AS value,
    min(currency) AS currency,
    min(order_id) AS order_id,
    min(campaign_id) AS campaign_id,
    count(DISTINCT campaign_id) AS n_campaigns,
    min(channel) AS channel
FROM events
WHERE user_id = $user_id AND event_time >= CAST($since AS TIMESTAMP)
GROUP BY
    event_type,
    CASE WHEN event_type = 'purchase' THEN order_id END,
    CASE WHEN event_type <> 'purchase' OR order_id IS NULL THEN event_time END
ORDER BY min(event_time), event_type, min(order_id)
LIMIT $most
