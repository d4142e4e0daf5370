-- Items that the wanted users have a weighted event on, in the order of their ids.
SELECT DISTINCT e.item_id
FROM events AS e
JOIN wanted AS u ON u.user_id = e.user_id
JOIN event_weights AS w ON w.event_type = e.event_type
WHERE e.item_id IS NOT NULL
  AND ($before IS NULL OR e.event_time < CAST($before AS TIMESTAMP))
  AND ($since IS NULL OR e.event_time >= CAST($since AS TIMESTAMP))
  AND ($kind IS NULL OR e.item_id IN (SELECT i.item_id FROM items AS i WHERE i.kind = $kind))
ORDER BY e.item_id
