-- Own events of each cell of users by hour and by weekday of the workspace's clock, with what a share
-- of events that is counted by users needs: sums of squares and products of each user's counts.
WITH counted AS (
    SELECT
        m.user_id,
        m.cell,
        e.local_hour,
        extract(isodow FROM e.local_date) - 1 AS weekday,
        count(*) AS n
    FROM events AS e
    INNER JOIN cells AS m ON m.user_id = e.user_id
    WHERE e.event_time <= CAST($as_of AS TIMESTAMP)
        AND e.event_type NOT IN ('campaign_received', 'impression')
        AND e.local_hour IS NOT NULL
    GROUP BY m.user_id, m.cell, e.local_hour, weekday
),
totals AS (
    SELECT user_id, CAST(sum(n) AS DOUBLE) AS n_all FROM counted GROUP BY user_id
),
parts AS (
    SELECT 'hour' AS part, user_id, cell, local_hour AS place, CAST(sum(n) AS DOUBLE) AS n
    FROM counted
    GROUP BY user_id, cell, local_hour
    UNION ALL
    SELECT 'weekday' AS part, user_id, cell, weekday AS place, CAST(sum(n) AS DOUBLE) AS n
    FROM counted
    GROUP BY user_id, cell, weekday
)
SELECT
    p.part,
    p.cell,
    p.place,
    sum(p.n) AS n,
    sum(p.n * p.n) AS squares,
    sum(p.n * t.n_all) AS products,
    count(*) AS n_users
FROM parts AS p
INNER JOIN totals AS t ON t.user_id = p.user_id
GROUP BY p.part, p.cell, p.place
UNION ALL
SELECT 'all' AS part, m.cell, 0 AS place, sum(t.n_all), sum(t.n_all * t.n_all), sum(t.n_all * t.n_all), count(*)
FROM totals AS t
INNER JOIN cells AS m ON m.user_id = t.user_id
GROUP BY m.cell
ORDER BY 1, 2, 3
