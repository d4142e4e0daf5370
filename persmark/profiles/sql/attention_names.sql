-- What attention can go to, one number each; those of one dimension follow each other in the order of names.
CREATE TEMP TABLE names AS
WITH listed AS (
    SELECT 'brand' AS dimension, brand_no AS no, min(brand) AS name FROM item_numbers WHERE brand_no > 0 GROUP BY brand_no
    UNION ALL
    SELECT 'category', category_no, min(category) FROM item_numbers WHERE category_no > 0 GROUP BY category_no
    UNION ALL
    SELECT 'channel', channel_no, channel FROM channel_numbers
    UNION ALL
    SELECT 'daypart', no, name
    FROM (VALUES (1, 'night'), (2, 'morning'), (3, 'afternoon'), (4, 'evening')) AS parts (no, name)
)
SELECT CAST(row_number() OVER (ORDER BY dimension, no) AS INTEGER) AS name_no, dimension, CAST(no AS INTEGER) AS no, name
FROM listed;
INSERT INTO out.attention_names SELECT name_no, dimension, name FROM names;
INSERT INTO out.attention_users SELECT user_no, user_id FROM base
