-- A session runs from one start to the event before the next; a user's last one to where the user ends.
CREATE TABLE out.sessions AS
SELECT
    user_id,
    CAST(start_no - first_no + 1 AS INTEGER) AS session_no,
    event_time AS started_at,
    CASE WHEN ends THEN event_time WHEN next_starts THEN next_previous_time ELSE next_event_time END AS ended_at,
    CAST(CASE WHEN ends THEN 1 WHEN next_starts THEN next_place - place ELSE next_place - place + 1 END AS INTEGER) AS n_events,
    CAST(CASE WHEN ends THEN own_no WHEN next_starts THEN next_own_before ELSE next_own_no END - own_before AS INTEGER) AS n_own_events
FROM session_edges
WHERE starts
