-- Users who came by, or were contacted through, one channel in the $days days after $as_of, and whether they
-- came or answered one of those contacts within the same days.
WITH mine AS (
    SELECT user_id, event_type, channel, campaign_id, CAST(epoch(event_time) AS BIGINT) AS at_s
    FROM events
    WHERE
        event_time > CAST($as_of AS TIMESTAMP)
        AND CAST(epoch(event_time) AS BIGINT) <= CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) + 86400 * CAST($days AS BIGINT)
        AND md5(user_id) < $below
        AND (channel = $channel OR campaign_id IS NOT NULL)
),
contacts AS (
    SELECT user_id, campaign_id, min(at_s) AS at_s
    FROM mine
    WHERE event_type = 'campaign_received' AND channel = $channel
    GROUP BY user_id, campaign_id
),
came AS (
    SELECT user_id, 0 AS contacted, 1 AS reached
    FROM mine
    WHERE channel = $channel AND event_type NOT IN ('campaign_received', 'impression', 'refund')
    UNION ALL
    SELECT user_id, 1, 0 FROM contacts
    UNION ALL
    SELECT c.user_id, 1, 1
    FROM contacts AS c
    INNER JOIN mine AS a
        ON
            a.user_id = c.user_id
            AND a.campaign_id = c.campaign_id
            AND a.event_type NOT IN ('campaign_received', 'impression')
            AND a.at_s >= c.at_s
)
SELECT user_id, max(contacted) AS contacted, max(reached) AS reached
FROM came
GROUP BY user_id
ORDER BY user_id
