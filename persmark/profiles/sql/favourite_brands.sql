-- The brand that holds most of each user's decayed attention; equal weights go by name.
-- Packed as in top_categories.sql, so that one max() finds the weight and the name together.
-- One range of users at a time: their sums fit a processor's cache, all sums at once would not.
INSERT INTO favourite_brands
WITH width AS (SELECT coalesce(max(brand_no), 0) + 1 AS n FROM item_numbers),
names AS (SELECT brand_no, min(brand) AS brand FROM item_numbers GROUP BY brand_no),
sums AS (
    SELECT user_brand, CAST(sum(weight) AS BIGINT) AS weight
    FROM touches
    WHERE user_brand IS NOT NULL AND user_no >= $first_user AND user_no < $past_user
    GROUP BY user_brand
),
split AS (
    SELECT
        CAST(CAST(user_brand - user_brand % n AS DOUBLE) / CAST(n AS DOUBLE) AS INTEGER) AS user_no,
        weight,
        least(weight, CAST(floor(9.0e18 / CAST(n AS DOUBLE)) AS BIGINT) - 1) * n + n - user_brand % n AS packed
    FROM sums
    CROSS JOIN width
),
best AS (
    SELECT user_no, max(packed) AS packed, CAST(sum(weight) AS DOUBLE) AS total FROM split GROUP BY user_no
)
SELECT
    user_no,
    names.brand AS favourite_brand,
    CAST(packed - packed % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(total, 0) AS favourite_brand_share
FROM best
CROSS JOIN width
INNER JOIN names ON names.brand_no = n - packed % n
