-- Sessions cut anew where the published ones hold events of later sources; one ends after a silence of more
-- than $session_gap_minutes.
CREATE TEMP VIEW seen_all AS SELECT * FROM seen;
CREATE TEMP TABLE seen_sessions AS
WITH lined AS (
    SELECT
        user_id,
        CAST(epoch(event_time) AS BIGINT) AS at_s,
        event_time,
        event_type NOT IN ('campaign_received', 'impression') AS own,
        lag(CAST(epoch(event_time) AS BIGINT)) OVER w AS previous_s,
        row_number() OVER w AS place
    FROM seen
    WHERE user_id IS NOT NULL
    WINDOW w AS (PARTITION BY user_id ORDER BY event_time, event_type, item_id, order_id, value, campaign_id)
),
cut AS (
    SELECT
        *,
        CAST(sum(
            CASE WHEN previous_s IS NULL OR at_s - previous_s > CAST($session_gap_minutes AS BIGINT) * 60 THEN 1 ELSE 0 END
        ) OVER (PARTITION BY user_id ORDER BY place) AS INTEGER) AS session_no
    FROM lined
)
SELECT
    user_id,
    session_no,
    min(event_time) AS started_at,
    max(event_time) AS ended_at,
    CAST(count(*) AS INTEGER) AS n_events,
    CAST(count(*) FILTER (WHERE own) AS INTEGER) AS n_own_events
FROM cut
GROUP BY user_id, session_no
