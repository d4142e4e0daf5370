-- What a card shows of the wanted items; one row each, also for those that the catalogue lacks.
SELECT
  w.item_id,
  COALESCE(i.title, w.item_id) AS title,
  i.kind,
  i.category,
  i.brand,
  i.price,
  i.currency,
  i.image
FROM wanted AS w
LEFT JOIN items AS i ON i.item_id = w.item_id
ORDER BY w.item_id
