-- How much users did, from their sessions.
WITH per_user AS (
    SELECT user_id, CAST(sum(n_events) AS BIGINT) AS n_events
    FROM sessions
    GROUP BY user_id
)
SELECT
    count(*) AS n_users,
    count(*) FILTER (WHERE n_events = 1) AS n_once,
    count(*) FILTER (WHERE n_events >= 2) AS n_twice,
    max(n_events) AS most,
    max_by(user_id, (n_events, user_id)) AS most_user
FROM per_user
