-- Sessions that had ended by $as_of and in which the user did something; one still running then would
-- tell of the future, one of a mailing's arrival alone tells nothing of the user.
CREATE TEMP TABLE ended_sessions AS
SELECT
    user_id,
    count(*) AS n_sessions,
    CAST(sum(coalesce(n_own_events, n_events)) AS DOUBLE) / nullif(CAST(count(*) AS DOUBLE), 0) AS events_per_session,
    CAST(sum(CAST(epoch(ended_at) AS BIGINT) - CAST(epoch(started_at) AS BIGINT)) AS DOUBLE)
    / (60.0 * nullif(CAST(count(*) AS DOUBLE), 0)) AS minutes_per_session
FROM seen_sessions
WHERE ended_at <= CAST($as_of AS TIMESTAMP) AND coalesce(n_own_events, n_events) > 0
GROUP BY user_id
