-- One pass over the timeline: where a session starts, where a user ends, which rows follow an equal one.
-- "Own" events are those the user did; a campaign received or an advertisement shown is done to them.
CREATE OR REPLACE TEMP TABLE marks AS
SELECT
    user_id, event_time, row_no, own_no, previous_time, starts, ends, follows_equal, misplaced,
    -- Own events before this one.
    own_no - CASE WHEN event_type NOT IN ('campaign_received', 'impression') THEN 1 ELSE 0 END AS own_before
FROM (
    SELECT
        user_id,
        event_time,
        event_type,
        row_no,
        own_no,
        previous_event_time AS previous_time,
        NOT same_user
            OR CAST(epoch(event_time) AS BIGINT) - CAST(epoch(previous_event_time) AS BIGINT) > $gap_seconds AS starts,
        next_user_id IS DISTINCT FROM user_id AS ends,
        same_user
            AND previous_event_time = event_time
            AND previous_event_type = event_type
            AND coalesce(previous_item_id, '') = coalesce(item_id, '') AS follows_equal,
        -- Only where somebody hands over a timeline that is not sorted.
        coalesce(CASE WHEN same_user THEN event_time < previous_event_time ELSE user_id < previous_user_id END, false) AS misplaced
    FROM (SELECT *, previous_user_id IS NOT DISTINCT FROM user_id AS same_user FROM timeline)
)
WHERE starts OR ends OR follows_equal OR misplaced
