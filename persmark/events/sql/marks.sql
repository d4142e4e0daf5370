-- One pass over the timeline: where a session starts, and which rows follow an equal one.
-- "Own" events are those the user did; a campaign received or an advertisement shown is done to them.
CREATE OR REPLACE TEMP TABLE marks AS
SELECT user_id, event_time, row_no, own_no, own, previous_time, starts, follows_equal
FROM (
    SELECT
        user_id,
        event_time,
        row_number() OVER w AS row_no,
        event_type NOT IN ('campaign_received', 'impression') AS own,
        -- Own events of the user up to this one.
        count(*) FILTER (WHERE event_type NOT IN ('campaign_received', 'impression')) OVER (
            PARTITION BY user_id ORDER BY event_time, item_id, event_type
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS own_no,
        lag(event_time) OVER w AS previous_time,
        coalesce(CAST(epoch(event_time) AS BIGINT) - CAST(epoch(lag(event_time) OVER w) AS BIGINT) > $gap_seconds, true) AS starts,
        lag(event_time) OVER w = event_time
            AND lag(event_type) OVER w = event_type
            AND coalesce(lag(item_id) OVER w, '') = coalesce(item_id, '') AS follows_equal
    FROM timeline
    WINDOW w AS (PARTITION BY user_id ORDER BY event_time, item_id, event_type)
)
WHERE starts OR follows_equal
