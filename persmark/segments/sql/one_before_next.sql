-- Users with an event at second `one`, and one at any later second `next`.
SELECT user_id
FROM steps
GROUP BY user_id
HAVING min(one) < max(next)
