-- Where the wanted items are placed on `$day` without an ad of their own: mailer, display, ...
SELECT o.item_id, o.channel, CAST(SUM(o.n_places) AS BIGINT) AS n_places
FROM item_offers AS o
JOIN wanted AS w ON w.item_id = o.item_id
WHERE o.offer_id IS NULL
  AND (o.starts_on IS NULL OR o.starts_on <= CAST($day AS DATE))
  AND (o.ends_on IS NULL OR o.ends_on >= CAST($day AS DATE))
GROUP BY o.item_id, o.channel
ORDER BY o.item_id, o.channel
