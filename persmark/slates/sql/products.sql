-- Items that the recommender knows and that are of the wanted kind; one that the catalogue lacks is a
-- product. One row an item, in the order of ids; the ids themselves stay with the recommender.
SELECT
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
