-- Of each event that ends a stretch of equal steps, the start of a chain that reached the first of them:
-- that of the event so many seconds with such an event before it. Events of one second count as one,
-- and have the same start.
SELECT user_id, second, started
FROM (
    SELECT
        user_id,
        second,
        first_value($start) OVER (
            PARTITION BY user_id ORDER BY second GROUPS BETWEEN $before PRECEDING AND $before PRECEDING
        ) AS started
    FROM begun
) AS stretches
WHERE started IS NOT NULL AND second - started <= $most
