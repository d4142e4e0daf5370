-- Channels, those with the most users first. A visit channel has own events; the others are known by
-- the contacts that went out through them.
SELECT
    channel,
    count(DISTINCT user_id) AS n_users,
    count(*) FILTER (event_type NOT IN ('campaign_received', 'impression', 'refund', 'coupon_redeemed')) AS n_visits,
    count(*) FILTER (event_type = 'campaign_received') AS n_contacts
FROM events
WHERE event_time <= CAST($as_of AS TIMESTAMP) AND channel IS NOT NULL AND event_type <> 'impression'
GROUP BY channel
ORDER BY n_users DESC, channel
LIMIT $most
