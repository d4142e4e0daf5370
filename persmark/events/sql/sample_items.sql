-- Products with a readable title and their mean price; coupons as ads named by what they cover.
CREATE OR REPLACE TEMP MACRO titled(shouted) AS array_to_string(
    list_transform(string_split(lower(shouted), ' '), lambda w: upper(left(w, 1)) || right(w, greatest(length(w) - 1, 0))), ' ');
INSERT INTO out_catalogue.items BY NAME
WITH prices AS (
    SELECT product_id, sum(sales_value) / nullif(CAST(sum(quantity) AS DOUBLE), 0) AS price
    FROM read_parquet($transactions)
    WHERE quantity > 0
    GROUP BY product_id
),
products AS (
    SELECT p.*, q.price FROM read_parquet($products) AS p LEFT JOIN prices AS q ON q.product_id = p.product_id
),
coupons AS (SELECT DISTINCT coupon_upc, campaign_id, product_id FROM read_parquet($coupons)),
covered AS (
    SELECT coupon_upc, n_products, n_categories, category FROM (
        SELECT c.coupon_upc, p.product_category AS category, count(*) AS n,
            CAST(sum(count(*)) OVER (PARTITION BY c.coupon_upc) AS BIGINT) AS n_products,
            count(*) OVER (PARTITION BY c.coupon_upc) AS n_categories,
            row_number() OVER (PARTITION BY c.coupon_upc ORDER BY count(*) DESC, p.product_category) AS place
        FROM (SELECT DISTINCT coupon_upc, product_id FROM coupons) AS c
        JOIN products AS p ON p.product_id = c.product_id
        WHERE p.product_category IS NOT NULL
        GROUP BY c.coupon_upc, p.product_category
    ) WHERE place = 1
)
SELECT
    CAST(product_id AS VARCHAR) AS item_id,
    'product' AS kind,
    titled(coalesce(product_type, product_category, department, 'Product')) || coalesce(', ' || lower(package_size), '') AS title,
    titled(concat_ws(' / ', department, product_category, product_type)) AS category_path,
    titled(coalesce(product_category, department)) AS category,
    brand,
    -- Fuel is counted in thousandths of a gallon: below a cent it is no price a person would know.
    CASE WHEN price >= 0.01 THEN CAST(price AS DECIMAL(18,4)) END AS price,
    'USD' AS currency,
    CAST(to_json({manufacturer_id: CAST(manufacturer_id AS VARCHAR), size: package_size}) AS VARCHAR) AS attributes
FROM products
UNION ALL BY NAME
SELECT
    'coupon:' || u.coupon_upc AS item_id,
    'ad' AS kind,
    'Coupon: ' || coalesce(titled(v.category), 'selected products')
        || CASE WHEN v.n_categories > 1 THEN ' and ' || (v.n_categories - 1) || ' more' ELSE '' END
        || coalesce(' (' || v.n_products || CASE WHEN v.n_products = 1 THEN ' product)' ELSE ' products)' END, '') AS title,
    titled(v.category) AS category_path,
    titled(v.category) AS category
FROM (SELECT DISTINCT coupon_upc FROM coupons) AS u
LEFT JOIN covered AS v ON v.coupon_upc = u.coupon_upc;
