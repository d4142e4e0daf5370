-- A session runs from one start to the event before the next.
CREATE TABLE out.sessions AS
SELECT
    user_id,
    CAST(row_number() OVER w AS INTEGER) AS session_no,
    event_time AS started_at,
    coalesce(lead(previous_time) OVER w, last_time) AS ended_at,
    CAST(coalesce(lead(row_no) OVER w, last_row + 1) - row_no AS INTEGER) AS n_events,
    CAST(coalesce(lead(own_before) OVER w, last_own) - own_before AS INTEGER) AS n_own_events
FROM (
    SELECT m.user_id, m.event_time, m.row_no, m.own_before, m.previous_time, t.last_time, t.last_row, t.last_own
    FROM marks AS m
    JOIN (
        SELECT user_id, event_time AS last_time, row_no AS last_row, own_no AS last_own
        FROM marks
        WHERE ends
    ) AS t
        ON t.user_id = m.user_id
    WHERE m.starts
)
WINDOW w AS (PARTITION BY user_id ORDER BY row_no)
ORDER BY user_id, session_no
