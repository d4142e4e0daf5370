-- A user's sessions since a moment; those of contacts alone tell nothing of the user.
SELECT
    started_at,
    ended_at,
    CAST(NULL AS DATE) AS local_date,
    1 AS n_sessions,
    CAST(n_events AS BIGINT) AS n_events
FROM sessions
WHERE user_id = $user_id AND started_at >= CAST($since AS TIMESTAMP) AND coalesce(n_own_events, n_events) > 0
ORDER BY started_at
