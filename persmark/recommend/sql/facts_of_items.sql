-- One row per wanted item in the order of its code, blank where the catalogue does not know it.
SELECT
  w.code,
  i.kind,
  i.category,
  i.category_path,
  i.brand,
  CAST(i.price AS DOUBLE) AS price,
  i.title,
  i.text
FROM wanted_items AS w
LEFT JOIN items AS i ON i.item_id = w.item_id
ORDER BY w.code
