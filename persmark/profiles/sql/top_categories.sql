-- The three categories that hold most of each user's decayed attention, and the one that holds most of those
-- a spender spent nothing on; equal weights go by name.
-- Weight and number are packed into one integer (weight * n + n - category_no), which orders both.
INSERT INTO top_categories
WITH width AS (SELECT coalesce(max(category_no), 0) + 1 AS n FROM item_numbers),
split AS MATERIALIZED (
    SELECT
        user_no,
        coalesce(spend, 0) <= 0 AS unpaid,
        -- The cap keeps the product inside 64 bits for a robot with a billion events.
        least(weight, CAST(floor(9.0e18 / CAST(n AS DOUBLE)) AS BIGINT) - 1) * n + n - no AS packed
    FROM sums
    CROSS JOIN width
),
ranked AS (
    SELECT user_no, packed, row_number() OVER (PARTITION BY user_no ORDER BY packed DESC) AS place FROM split
),
best AS (
    SELECT
        user_no,
        max(CASE WHEN place = 1 THEN packed END) AS packed_1,
        max(CASE WHEN place = 2 THEN packed END) AS packed_2,
        max(CASE WHEN place = 3 THEN packed END) AS packed_3
    FROM ranked
    WHERE place <= 3
    GROUP BY user_no
),
unpaid AS (SELECT user_no, max(packed) AS packed FROM split WHERE unpaid GROUP BY user_no),
listed AS (SELECT no, name FROM names WHERE dimension = 'category')
SELECT
    best.user_no,
    n1.name AS top_category_1,
    CAST(packed_1 - packed_1 % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(t.weight, 0) AS top_category_1_share,
    n2.name AS top_category_2,
    CAST(packed_2 - packed_2 % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(t.weight, 0) AS top_category_2_share,
    n3.name AS top_category_3,
    CAST(packed_3 - packed_3 % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(t.weight, 0) AS top_category_3_share,
    CASE WHEN t.spend > 0 THEN n4.name END AS opportunity_category,
    CASE WHEN t.spend > 0 THEN
        CAST(unpaid.packed - unpaid.packed % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(t.weight, 0)
    END AS opportunity_share
FROM best
CROSS JOIN width
INNER JOIN totals AS t ON t.user_no = best.user_no
LEFT JOIN unpaid ON unpaid.user_no = best.user_no
LEFT JOIN listed AS n1 ON n1.no = n - packed_1 % n
LEFT JOIN listed AS n2 ON n2.no = n - packed_2 % n
LEFT JOIN listed AS n3 ON n3.no = n - packed_3 % n
LEFT JOIN listed AS n4 ON n4.no = n - unpaid.packed % n
