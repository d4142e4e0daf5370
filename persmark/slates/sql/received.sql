-- Campaigns that at least one of the wanted users received.
SELECT DISTINCT e.campaign_id
FROM events AS e
JOIN wanted AS w ON w.user_id = e.user_id
WHERE e.event_type = $campaign_received
  AND e.campaign_id IS NOT NULL
  AND e.event_time <= CAST($as_of AS TIMESTAMP)
ORDER BY e.campaign_id
