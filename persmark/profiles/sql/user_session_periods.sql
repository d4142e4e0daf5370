-- A user's sessions since a moment, one row per local day, week or month that has any.
WITH days AS (
    SELECT event_time, min(coalesce(local_date, CAST(event_time AS DATE))) AS local_date
    FROM events
    WHERE user_id = $user_id AND event_time >= CAST($since AS TIMESTAMP)
    GROUP BY event_time
),

mine AS (
    SELECT
        s.started_at,
        s.ended_at,
        s.n_events,
        CAST(date_trunc($grain, coalesce(d.local_date, CAST(s.started_at AS DATE))) AS DATE) AS local_date
    FROM sessions AS s
    LEFT JOIN days AS d ON d.event_time = s.started_at
    WHERE s.user_id = $user_id AND s.started_at >= CAST($since AS TIMESTAMP) AND coalesce(s.n_own_events, s.n_events) > 0
)

SELECT
    min(started_at) AS started_at,
    max(ended_at) AS ended_at,
    local_date,
    count(*) AS n_sessions,
    CAST(sum(n_events) AS BIGINT) AS n_events
FROM mine
GROUP BY local_date
ORDER BY local_date
