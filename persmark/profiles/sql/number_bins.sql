-- One number of all profiles in $bins equal bins from its least value to its 99th percentile; the last
-- bin also holds what lies beyond. Bin 0 counts the users who have no value. Whole numbers get whole bins.
WITH chosen AS (SELECT CAST("feature" AS DOUBLE) AS x FROM "table"),
edges AS (
    SELECT
        min(x) AS low,
        max(x) AS top,
        percentile_disc(0.99) WITHIN GROUP (ORDER BY x) AS most,
        CAST($bins AS DOUBLE) AS bins
    FROM chosen
),
width AS (
    SELECT
        low,
        top,
        CASE WHEN $whole THEN ceil((most - low + 1) / bins) ELSE nullif((most - low) / bins, 0) END AS step
    FROM edges
),
counted AS (
    SELECT
        CASE
            WHEN x IS NULL THEN 0
            WHEN step IS NULL THEN 1
            ELSE least(CAST($bins AS INTEGER), CAST(floor((x - low) / step) AS INTEGER) + 1)
        END AS bin,
        count(*) AS n_users
    FROM chosen
    CROSS JOIN width
    GROUP BY ALL
),
numbers AS (SELECT unnest(range(0, CAST($bins AS INTEGER) + 1)) AS bin)
SELECT
    CAST(numbers.bin AS INTEGER) AS bin,
    CAST(NULL AS VARCHAR) AS value,
    CASE WHEN numbers.bin > 0 THEN low + (numbers.bin - 1) * coalesce(step, 0) END AS low,
    CASE
        WHEN numbers.bin = $bins OR step IS NULL AND numbers.bin > 0 THEN greatest(top, low + numbers.bin * coalesce(step, 0))
        WHEN numbers.bin > 0 THEN low + numbers.bin * step
    END AS high,
    coalesce(counted.n_users, 0) AS n_users
FROM numbers
CROSS JOIN width
LEFT JOIN counted ON counted.bin = numbers.bin
-- A feature without spread needs one bin, a short one only as many as it reaches.
WHERE numbers.bin = 0 OR numbers.bin = 1 AND low IS NOT NULL OR low + (numbers.bin - 1) * step <= top
ORDER BY numbers.bin
