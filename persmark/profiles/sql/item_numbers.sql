-- Categories and brands numbered from 1 in the order of their names, so that ties go by name; 0 = none.
CREATE TEMP TABLE item_numbers AS
SELECT
    item_id,
    category,
    brand,
    CASE WHEN category IS NULL THEN 0
         ELSE dense_rank() OVER (ORDER BY category NULLS LAST) END AS category_no,
    CASE WHEN brand IS NULL THEN 0
         ELSE dense_rank() OVER (ORDER BY brand NULLS LAST) END AS brand_no
FROM items
