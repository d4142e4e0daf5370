-- Where a user stands in the order of ids among some users, and who stands beside them.
SELECT
    count(*) AS n_users,
    count(CASE WHEN a.user_id < $user_id THEN 1 END) AS n_before,
    count(CASE WHEN a.user_id = $user_id THEN 1 END) AS n_here,
    max(CASE WHEN a.user_id < $user_id THEN a.user_id END) AS previous,
    min(CASE WHEN a.user_id > $user_id THEN a.user_id END) AS following,
    min(a.user_id) AS first_one,
    max(a.user_id) AS last_one
FROM "among" AS a
