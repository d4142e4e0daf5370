-- What users did themselves, as the steps below walk through it; a campaign received or an advertisement
-- shown is done to them.
CREATE OR REPLACE TEMP VIEW own_events AS
SELECT user_id, event_time, item_id, event_type, channel, local_hour, value
FROM seen
WHERE event_type NOT IN ('campaign_received', 'impression') AND user_id IS NOT NULL
