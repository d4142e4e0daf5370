-- The brand that holds most of each user's decayed attention; equal weights go by name.
-- Packed as in top_categories.sql, so that one max() finds the weight and the name together.
INSERT INTO favourite_brands
WITH width AS (SELECT coalesce(max(brand_no), 0) + 1 AS n FROM item_numbers),
best AS (
    SELECT
        user_no,
        max(least(weight, CAST(floor(9.0e18 / CAST(n AS DOUBLE)) AS BIGINT) - 1) * n + n - no) AS packed
    FROM sums
    CROSS JOIN width
    GROUP BY user_no
)
SELECT
    best.user_no,
    names.name AS favourite_brand,
    CAST(packed - packed % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(t.weight, 0) AS favourite_brand_share
FROM best
CROSS JOIN width
INNER JOIN totals AS t ON t.user_no = best.user_no
INNER JOIN names ON names.dimension = 'brand' AND names.no = n - packed % n
