-- Users with at least one weighted event on an item, in the order of their ids.
SELECT DISTINCT e.user_id
FROM events AS e
JOIN event_weights AS w ON w.event_type = e.event_type
WHERE e.item_id IS NOT NULL
  AND ($before IS NULL OR e.event_time < CAST($before AS TIMESTAMP))
  AND ($since IS NULL OR e.event_time >= CAST($since AS TIMESTAMP))
ORDER BY e.user_id
