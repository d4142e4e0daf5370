-- A session runs from one start to the event before the next.
CREATE TABLE out.sessions AS
SELECT
    user_id,
    CAST(row_number() OVER w AS INTEGER) AS session_no,
    event_time AS started_at,
    coalesce(lead(previous_time) OVER w, last_time) AS ended_at,
    CAST(coalesce(lead(row_no) OVER w, n_rows + 1) - row_no AS INTEGER) AS n_events,
    CAST(coalesce(lead(own_before) OVER w, n_own) - own_before AS INTEGER) AS n_own_events
FROM (
    SELECT m.*, m.own_no - CASE WHEN m.own THEN 1 ELSE 0 END AS own_before, t.last_time, t.n_rows, t.n_own
    FROM marks AS m
    JOIN (
        SELECT
            user_id,
            max(event_time) AS last_time,
            count(*) AS n_rows,
            count(*) FILTER (WHERE event_type NOT IN ('campaign_received', 'impression')) AS n_own
        FROM timeline
        GROUP BY user_id
    ) AS t
        ON t.user_id = m.user_id
    WHERE m.starts
)
WINDOW w AS (PARTITION BY user_id ORDER BY event_time, row_no)
ORDER BY user_id, session_no
