-- The three categories that hold most of each user's decayed attention; equal weights go by name.
-- Weight and number are packed into one integer (weight * n + n - category_no), which orders both.
-- One range of users at a time: their sums fit a processor's cache, all sums at once would not.
INSERT INTO top_categories
WITH width AS (SELECT coalesce(max(category_no), 0) + 1 AS n FROM item_numbers),
names AS (SELECT category_no, min(category) AS category FROM item_numbers GROUP BY category_no),
sums AS (
    SELECT user_category, CAST(sum(weight) AS BIGINT) AS weight
    FROM touches
    WHERE user_category IS NOT NULL AND user_no >= $first_user AND user_no < $past_user
    GROUP BY user_category
),
split AS MATERIALIZED (
    SELECT
        CAST(CAST(user_category - user_category % n AS DOUBLE) / CAST(n AS DOUBLE) AS INTEGER) AS user_no,
        weight,
        -- The cap keeps the product inside 64 bits for a robot with a billion events.
        least(weight, CAST(floor(9.0e18 / CAST(n AS DOUBLE)) AS BIGINT) - 1) * n + n - user_category % n AS packed
    FROM sums
    CROSS JOIN width
),
totals AS (SELECT user_no, CAST(sum(weight) AS DOUBLE) AS total FROM split GROUP BY user_no),
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
)
SELECT
    best.user_no,
    n1.category AS top_category_1,
    CAST(packed_1 - packed_1 % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(total, 0) AS top_category_1_share,
    n2.category AS top_category_2,
    CAST(packed_2 - packed_2 % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(total, 0) AS top_category_2_share,
    n3.category AS top_category_3,
    CAST(packed_3 - packed_3 % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(total, 0) AS top_category_3_share
FROM best
CROSS JOIN width
INNER JOIN totals ON totals.user_no = best.user_no
LEFT JOIN names AS n1 ON n1.category_no = n - packed_1 % n
LEFT JOIN names AS n2 ON n2.category_no = n - packed_2 % n
LEFT JOIN names AS n3 ON n3.category_no = n - packed_3 % n
