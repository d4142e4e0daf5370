-- The contacts that are still inside one of the windows: contact_days, response_days or a week.
CREATE TABLE out.recent_contacts AS
SELECT user_id, event_time, answered
FROM (
    SELECT user_id, event_time, answered FROM contacts
    UNION ALL
    SELECT user_id, event_time, answered FROM kept_contacts
)
WHERE
    event_time <= CAST($as_of AS TIMESTAMP)
    AND CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(event_time) AS BIGINT)
        < greatest(CAST($contact_days AS BIGINT), CAST($response_days AS BIGINT), 7) * 86400
ORDER BY user_id, event_time
