-- 1 where the user has any event or attribute.
SELECT 1 AS known FROM events AS e WHERE e.user_id = $user_id
UNION ALL
SELECT 1 AS known FROM users AS u WHERE u.user_id = $user_id
LIMIT 1
