-- One row per order: the order id where the source has one, else all purchases of one moment.
CREATE TEMP TABLE orders AS
SELECT
    user_id,
    order_id,
    CASE WHEN order_id IS NULL THEN event_time END AS order_time,
    min(event_time) AS bought_at,
    CAST(
        CAST(epoch(coalesce(min(local_date), CAST(min(event_time) AS DATE))) AS DOUBLE) / 86400.0 AS BIGINT
    ) AS order_day,
    CAST(sum(value) AS DECIMAL(18, 4)) AS value,
    CAST(sum(discount) AS DECIMAL(18, 4)) AS discount
FROM seen
WHERE event_type = 'purchase' AND event_time <= CAST($as_of AS TIMESTAMP) AND user_id IS NOT NULL
GROUP BY user_id, order_id, CASE WHEN order_id IS NULL THEN event_time END
