-- Of each event that ends a stretch of equal steps, the start of a chain that reached the first of them:
-- that of the event so many seconds with such an event before it.
SELECT user_id, second, started
FROM (
    SELECT
        user_id,
        second,
        lag(started, $before) OVER (PARTITION BY user_id ORDER BY second) AS started
    FROM (SELECT user_id, second, max(started) AS started FROM begun GROUP BY user_id, second) AS moments
) AS stretches
WHERE started IS NOT NULL AND second - started <= $most
