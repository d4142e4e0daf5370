-- The amount that 99 of 100 sales do not pass, found by counting equal amounts; how many pass ten times that.
WITH amounts AS (
    SELECT abs(value) AS amount, count(*) AS n
    FROM events
    WHERE value <> 0 AND event_type IN ('purchase', 'refund')
    GROUP BY abs(value)
),
placed AS (
    SELECT
        amount, n,
        CAST(sum(n) OVER (ORDER BY amount ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS up_to,
        CAST(sum(n) OVER () AS BIGINT) AS n_all
    FROM amounts
),
level AS (
    SELECT min(amount) AS high, max(n_all) AS n_all FROM placed WHERE up_to * 100 >= n_all * 99
)
SELECT
    l.high,
    l.n_all,
    CAST(coalesce(sum(a.n), 0) AS BIGINT) AS n_over,
    max(a.amount) AS largest
FROM level AS l
LEFT JOIN amounts AS a ON a.amount > CAST(l.high AS DECIMAL(38,4)) * $factor
GROUP BY l.high, l.n_all
