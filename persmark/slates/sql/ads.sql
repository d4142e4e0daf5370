-- Ads that run on `$day`, one row for each covered item that the recommender can score. An ad that
-- covers none of those, but was itself met by users, stands for itself. Ordered so that, among equals,
-- the ad made for fewer items comes first, then the one that ends first.
WITH running AS (
  SELECT o.offer_id, o.item_id, MIN(o.campaign_id) AS campaign_id, MIN(o.ends_on) AS ends_on
  FROM item_offers AS o
  WHERE o.offer_id IS NOT NULL
    AND (o.starts_on IS NULL OR o.starts_on <= CAST($day AS DATE))
    AND (o.ends_on IS NULL OR o.ends_on >= CAST($day AS DATE))
    AND (
      NOT $only_received
      OR o.campaign_id IS NULL
      OR o.campaign_id IN (SELECT r.campaign_id FROM received AS r)
    )
  GROUP BY o.offer_id, o.item_id
),
covering AS (
  SELECT r.offer_id, r.item_id AS covered_id, s.item_code, r.campaign_id, r.ends_on
  FROM running AS r
  JOIN scored_items AS s ON s.item_id = r.item_id
),
alone AS (
  SELECT r.offer_id, MIN(r.campaign_id) AS campaign_id, MIN(r.ends_on) AS ends_on
  FROM running AS r
  WHERE r.offer_id NOT IN (SELECT c.offer_id FROM covering AS c)
  GROUP BY r.offer_id
  UNION ALL
  SELECT i.item_id, NULL, NULL
  FROM items AS i
  WHERE i.kind = $kind
    AND i.item_id NOT IN (SELECT o.offer_id FROM item_offers AS o WHERE o.offer_id IS NOT NULL)
),
pairs AS (
  SELECT offer_id, covered_id, item_code, campaign_id, ends_on FROM covering
  UNION ALL
  SELECT a.offer_id, a.offer_id, s.item_code, a.campaign_id, a.ends_on
  FROM alone AS a
  JOIN scored_items AS s ON s.item_id = a.offer_id
),
breadth AS (
  SELECT offer_id, COUNT(*) AS n_covered FROM pairs GROUP BY offer_id
)
SELECT
  p.offer_id AS item_id,
  p.covered_id,
  p.item_code,
  i.category,
  i.brand,
  CAST(i.price AS DOUBLE) AS price,
  p.campaign_id,
  p.ends_on
FROM pairs AS p
JOIN breadth AS b ON b.offer_id = p.offer_id
LEFT JOIN items AS i ON i.item_id = p.covered_id
ORDER BY b.n_covered, COALESCE(p.ends_on, DATE '9999-12-31'), p.offer_id, p.covered_id
