-- The brand that holds most of each user's decayed attention; equal weights go by name.
INSERT INTO favourite_brands
WITH picked AS (
    SELECT user_no, rank_sum, first - first % $width AS packed, $width - first % $width AS no FROM totals
),
listed AS MATERIALIZED (SELECT no, name FROM names WHERE dimension = 'brand')
SELECT
    p.user_no,
    l.name AS favourite_brand,
    CAST(p.packed AS DOUBLE) / CAST($width AS DOUBLE) / nullif(p.rank_sum, 0) AS favourite_brand_share
FROM picked AS p
LEFT JOIN listed AS l ON l.no = p.no
