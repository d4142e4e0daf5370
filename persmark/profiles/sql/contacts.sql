-- Contacts of the last $contact_days, published so that a later build can count those of its own last
-- days without looking at the events of users who did nothing since.
CREATE TABLE out.recent_contacts AS
SELECT user_id, event_time
FROM (
    SELECT user_id, event_time FROM seen WHERE event_type = 'campaign_received' AND user_id IS NOT NULL
    UNION ALL
    SELECT user_id, event_time FROM kept_contacts
)
WHERE
    event_time <= CAST($as_of AS TIMESTAMP)
    AND CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(event_time) AS BIGINT)
        < CAST($contact_days AS BIGINT) * 86400
ORDER BY user_id, event_time
