-- The brand that holds most of each user's decayed attention; equal weights go by name.
INSERT INTO favourite_brands
WITH picked AS (
    SELECT user_no, weight, heaviest - heaviest % $width AS packed, $width - heaviest % $width AS no FROM totals
),
listed AS MATERIALIZED (SELECT no, name FROM names WHERE dimension = 'brand')
SELECT
    p.user_no,
    l.name AS favourite_brand,
    CAST(p.packed AS DOUBLE) / CAST($width AS DOUBLE) / nullif(p.weight, 0) AS favourite_brand_share
FROM picked AS p
LEFT JOIN listed AS l ON l.no = p.no
