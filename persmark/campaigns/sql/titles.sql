-- Items that may stand in a target list, with their titles: what the recommender knows and is a product.
SELECT s.item_id, COALESCE(i.title, s.item_id) AS title
FROM scored_items AS s
LEFT JOIN items AS i ON i.item_id = s.item_id
WHERE COALESCE(i.kind, $kind) = $kind
ORDER BY s.item_id
