-- Items that the recommender knows and that are of the wanted kind; one that the catalogue lacks is a
-- product. One row an item: it stands for itself.
SELECT
  s.item_id,
  s.item_id AS covered_id,
  s.item_code,
  i.category,
  i.brand,
  CAST(i.price AS DOUBLE) AS price,
  CAST(NULL AS VARCHAR) AS campaign_id,
  CAST(NULL AS DATE) AS ends_on
FROM scored_items AS s
LEFT JOIN items AS i ON i.item_id = s.item_id
WHERE COALESCE(i.kind, $kind) = $kind
ORDER BY s.item_code
