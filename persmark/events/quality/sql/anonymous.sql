-- User ids that say that nobody is known.
SELECT user_id, CAST(sum(n_events) AS BIGINT) AS n_events
FROM sessions
WHERE regexp_full_match(user_id, $blocked)
GROUP BY user_id
ORDER BY n_events DESC, user_id
