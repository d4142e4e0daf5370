-- Whether any campaign that runs on `$day` was sent to named users at all.
SELECT 1 AS mailed
FROM events AS e
WHERE e.event_type = $campaign_received
  AND e.event_time <= CAST($as_of AS TIMESTAMP)
  AND e.campaign_id IN (
    SELECT o.campaign_id
    FROM item_offers AS o
    WHERE o.offer_id IS NOT NULL
      AND (o.starts_on IS NULL OR o.starts_on <= CAST($day AS DATE))
      AND (o.ends_on IS NULL OR o.ends_on >= CAST($day AS DATE))
  )
LIMIT 1
