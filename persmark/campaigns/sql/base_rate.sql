-- How many of the wanted users bought something in the days before `$as_of`.
SELECT COUNT(DISTINCT e.user_id) AS n_users
FROM events AS e
JOIN wanted AS w ON w.user_id = e.user_id
WHERE e.event_type = $purchase
  AND e.event_time > CAST($since AS TIMESTAMP)
  AND e.event_time <= CAST($as_of AS TIMESTAMP)
