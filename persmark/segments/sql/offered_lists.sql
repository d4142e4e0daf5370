-- Kept lists of users and how many stand on each.
SELECT segment, CAST(count(DISTINCT user_id) AS BIGINT) AS n_users
FROM segment_members
GROUP BY segment
ORDER BY segment
