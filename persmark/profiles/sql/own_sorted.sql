-- The same in order, where the files do not have it: several files, or the touched users of a refresh.
CREATE TEMP TABLE own_sorted AS
SELECT *
FROM own_events
ORDER BY user_id, event_time, item_id NULLS LAST, event_type, channel NULLS LAST
