-- Categories and brands numbered from 1 in the order of their names, so that ties go by name; 0 = none.
-- How dear an item is: its price against the mean price of its category's items, in millionths.
CREATE TEMP TABLE item_numbers AS
SELECT
    item_id,
    category,
    brand,
    CAST(CASE WHEN category IS NULL THEN 0
              ELSE dense_rank() OVER (ORDER BY category NULLS LAST) END AS INTEGER) AS category_no,
    CAST(CASE WHEN brand IS NULL THEN 0
              ELSE dense_rank() OVER (ORDER BY brand NULLS LAST) END AS INTEGER) AS brand_no,
    CASE WHEN category IS NOT NULL AND price > 0 THEN CAST(round(
        1000000 * CAST(price AS DOUBLE) * CAST(count(price) FILTER (WHERE price > 0) OVER of_category AS DOUBLE)
        / CAST(CAST(sum(price) FILTER (WHERE price > 0) OVER of_category AS DECIMAL(38, 4)) AS DOUBLE)
    ) AS BIGINT) END AS dearness
FROM items
WINDOW of_category AS (PARTITION BY category)
