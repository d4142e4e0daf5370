-- Sessions that had ended by $as_of; one still running then would tell of the future.
CREATE TEMP TABLE visits AS
SELECT
    user_id,
    count(*) AS n_sessions,
    CAST(sum(n_events) AS DOUBLE) / nullif(CAST(count(*) AS DOUBLE), 0) AS events_per_session
FROM sessions
WHERE ended_at <= CAST($as_of AS TIMESTAMP)
GROUP BY user_id
