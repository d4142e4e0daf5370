-- Users who did more than so many things in one hour of the clock; only those who did that many at all
-- are looked at.
WITH busy AS (
    SELECT user_id FROM sessions GROUP BY user_id HAVING sum(n_own_events) > $per_hour
),
hours AS (
    SELECT e.user_id, CAST(epoch(e.event_time) AS BIGINT) // 3600 AS hour_no, count(*) AS n
    FROM events AS e
    JOIN busy AS b ON b.user_id = e.user_id
    WHERE e.event_type NOT IN ('campaign_received', 'impression')
    GROUP BY e.user_id, CAST(epoch(e.event_time) AS BIGINT) // 3600
),
bots AS (
    SELECT user_id, max(n) AS most, max_by(hour_no, (n, hour_no)) AS hour_no
    FROM hours
    GROUP BY user_id
    HAVING max(n) > $per_hour
),
made AS (
    SELECT s.user_id, CAST(sum(s.n_events) AS BIGINT) AS n_events
    FROM sessions AS s
    JOIN bots AS b ON b.user_id = s.user_id
    GROUP BY s.user_id
)
SELECT b.user_id, b.most, make_timestamp(b.hour_no * 3600000000) AS hour_start, m.n_events
FROM bots AS b
JOIN made AS m ON m.user_id = b.user_id
ORDER BY b.most DESC, b.user_id
