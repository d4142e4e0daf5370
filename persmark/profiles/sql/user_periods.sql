-- A user's events, one row per type and local day (or week, or month) that has any.
WITH mine AS (
    SELECT
        event_type,
        item_id,
        event_time,
        value,
        currency,
        order_id,
        campaign_id,
        channel,
        CAST(date_trunc($grain, coalesce(local_date, CAST(event_time AS DATE))) AS DATE) AS local_date
    FROM events
    WHERE user_id = $user_id AND event_time >= CAST($since AS TIMESTAMP)
)

SELECT
    event_type,
    min(event_time) AS event_time,
    local_date,
    count(*) AS n_events,
    count(DISTINCT item_id) AS n_items,
    CAST(sum(value) AS DECIMAL(38, 4)) AS value,
    min(currency) AS currency,
    CAST(NULL AS VARCHAR) AS order_id,
    min(campaign_id) AS campaign_id,
    count(DISTINCT campaign_id) AS n_campaigns,
    min(channel) AS channel
FROM mine
GROUP BY event_type, local_date
ORDER BY local_date, event_type
