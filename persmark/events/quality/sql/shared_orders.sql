-- Orders that more than one user has; those of one user are told by their first and last user.
WITH shared AS (
    SELECT order_id FROM events WHERE order_id IS NOT NULL GROUP BY order_id HAVING min(user_id) <> max(user_id)
)
SELECT e.order_id, count(DISTINCT e.user_id) AS n_users, count(*) AS n_events
FROM events AS e
JOIN shared AS s ON s.order_id = e.order_id
GROUP BY e.order_id
ORDER BY n_users DESC, e.order_id
