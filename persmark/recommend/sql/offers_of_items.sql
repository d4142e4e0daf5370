-- Every dated offer or placement of a wanted item; the last day is inclusive.
SELECT
  w.code,
  o.channel,
  CAST(epoch(CAST(o.starts_on AS TIMESTAMP)) AS BIGINT) AS from_second,
  CAST(epoch(CAST(o.ends_on AS TIMESTAMP)) AS BIGINT) + 86400 AS until_second
FROM item_offers AS o
JOIN wanted_items AS w ON w.item_id = o.item_id
WHERE o.starts_on IS NOT NULL AND o.ends_on IS NOT NULL
ORDER BY w.code, from_second, until_second, o.channel
