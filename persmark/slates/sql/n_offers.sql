-- How many ads the workspace has at all: as items, or as offers that cover items.
SELECT COUNT(*) AS n_ads
FROM (
  SELECT i.item_id FROM items AS i WHERE i.kind = $kind
  UNION
  SELECT o.offer_id FROM item_offers AS o WHERE o.offer_id IS NOT NULL
) AS ads
