-- What passed between each user and one channel before $as_of. A contact is answered by an own event of the
-- same campaign within $answer_days days after it.
WITH mine AS (
    SELECT
        user_id,
        event_type,
        channel,
        campaign_id,
        CAST(epoch(event_time) AS BIGINT) AS at_s,
        CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) AS now_s
    FROM events
    WHERE
        event_time <= CAST($as_of AS TIMESTAMP)
        AND user_id >= $first AND user_id <= $last AND md5(user_id) < $below
        AND (channel = $channel OR campaign_id IS NOT NULL)
),
contacts AS (
    SELECT user_id, campaign_id, at_s, now_s
    FROM mine
    WHERE event_type = 'campaign_received' AND channel = $channel
),
answered AS (
    SELECT
        c.user_id,
        c.at_s,
        c.now_s,
        max(CASE WHEN a.user_id IS NULL THEN 0 ELSE 1 END) AS answered
    FROM contacts AS c
    LEFT JOIN mine AS a
        ON
            a.user_id = c.user_id
            AND a.campaign_id = c.campaign_id
            AND a.event_type NOT IN ('campaign_received', 'impression')
            AND a.at_s >= c.at_s
            AND a.at_s <= c.at_s + 86400 * CAST($answer_days AS BIGINT)
    GROUP BY c.user_id, c.campaign_id, c.at_s, c.now_s
),
visits AS (
    SELECT user_id, at_s, now_s
    FROM mine
    WHERE channel = $channel AND event_type NOT IN ('campaign_received', 'impression', 'refund')
),
both_kinds AS (
    SELECT user_id, at_s, now_s, 1 AS visit, 0 AS contact, 0 AS answer FROM visits
    UNION ALL
    SELECT user_id, at_s, now_s, 0, 1, answered FROM answered
)
SELECT
    user_id,
    CAST(sum(visit) FILTER (now_s - at_s < 28 * 86400) AS BIGINT) AS channel_visits_28,
    CAST(sum(visit) FILTER (now_s - at_s < 84 * 86400) AS BIGINT) AS channel_visits_84,
    CAST(sum(contact) FILTER (now_s - at_s < 84 * 86400) AS BIGINT) AS channel_contacts_84,
    CAST(sum(answer) FILTER (now_s - at_s < 84 * 86400) AS BIGINT) AS channel_answers_84,
    CAST(sum(contact) AS BIGINT) AS channel_contacts,
    CAST(sum(answer) AS BIGINT) AS channel_answers,
    CAST(min(now_s - at_s) FILTER (visit = 1) AS DOUBLE) / 86400.0 AS channel_visited_ago,
    CAST(min(now_s - at_s) FILTER (answer = 1) AS DOUBLE) / 86400.0 AS channel_answered_ago
FROM both_kinds
GROUP BY user_id
ORDER BY user_id
