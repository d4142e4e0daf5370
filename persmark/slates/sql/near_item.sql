-- Users with the most, and the most recent, events on the wanted items or on others of their
-- categories: those who are scored when there are too many users to score all.
WITH near AS (
  SELECT w.item_id, 1.0 AS nearness FROM wanted AS w
  UNION ALL
  SELECT i.item_id, 0.1 AS nearness
  FROM items AS i
  WHERE i.category IN (SELECT c.category FROM items AS c JOIN wanted AS w ON w.item_id = c.item_id)
    AND i.item_id NOT IN (SELECT w.item_id FROM wanted AS w)
)
SELECT e.user_id
FROM events AS e
JOIN near AS n ON n.item_id = e.item_id
JOIN wanted_users AS u ON u.user_id = e.user_id
WHERE e.event_time <= CAST($as_of AS TIMESTAMP)
GROUP BY e.user_id
ORDER BY SUM(CAST(n.nearness AS DOUBLE)) DESC, MAX(e.event_time) DESC, e.user_id
LIMIT $n_users
