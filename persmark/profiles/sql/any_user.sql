-- One of some users: the same for the same salt, any of them for another.
SELECT a.user_id
FROM "among" AS a
ORDER BY md5(concat($salt, a.user_id)), a.user_id
LIMIT 1
