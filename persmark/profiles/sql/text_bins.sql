-- The $bins most common values of one text feature; bin 0 counts the users who have no value.
WITH counted AS (SELECT "feature" AS value, count(*) AS n_users FROM "table" GROUP BY "feature"),
ranked AS (
    SELECT value, n_users, row_number() OVER (ORDER BY n_users DESC, value) AS bin
    FROM counted
    WHERE value IS NOT NULL
)
SELECT CAST(bin AS INTEGER) AS bin, value, CAST(NULL AS DOUBLE) AS low, CAST(NULL AS DOUBLE) AS high, n_users
FROM ranked
WHERE bin <= $bins
UNION ALL
SELECT 0, NULL, NULL, NULL, coalesce(CAST(sum(n_users) AS BIGINT), 0)
FROM counted
WHERE value IS NULL
ORDER BY bin
