-- All content of the catalogue; `item_code` is NULL where the recommender does not know it yet.
SELECT
  i.item_id,
  i.item_id AS covered_id,
  s.item_code,
  i.category,
  i.brand,
  CAST(i.price AS DOUBLE) AS price,
  CAST(NULL AS VARCHAR) AS campaign_id,
  CAST(NULL AS DATE) AS ends_on
FROM items AS i
LEFT JOIN scored_items AS s ON s.item_id = i.item_id
WHERE i.kind = $kind
ORDER BY i.item_id
