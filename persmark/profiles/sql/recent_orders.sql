-- Orders of the last two trend windows, published as recent_contacts is.
CREATE TABLE out.recent_orders AS
SELECT user_id, bought_at
FROM (
    SELECT user_id, bought_at FROM orders
    UNION ALL
    SELECT user_id, bought_at FROM kept_orders
)
WHERE
    CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(bought_at) AS BIGINT)
    < 2 * CAST($trend_days AS BIGINT) * 86400
ORDER BY user_id, bought_at
