-- Campaign contacts and whether the user came by within $response_days, strictly after. Those of the last days
-- are published, so that a later build can count those of its own last days without looking at the events of
-- users who did nothing since.
CREATE TEMP TABLE contacts AS
WITH theirs AS (
    SELECT
        e.user_id,
        e.event_time,
        e.event_type = 'campaign_received' AS contact,
        e.event_type NOT IN ('campaign_received', 'impression', 'refund') AS visit
    FROM seen AS e
    SEMI JOIN (
        SELECT user_id FROM seen
        WHERE event_type = 'campaign_received' AND event_time <= CAST($as_of AS TIMESTAMP)
    ) AS c ON c.user_id = e.user_id
    WHERE e.event_time <= CAST($as_of AS TIMESTAMP)
),
answered AS (
    SELECT
        *,
        min(CASE WHEN visit THEN event_time END) OVER (
            PARTITION BY user_id ORDER BY event_time, CASE WHEN contact THEN 1 ELSE 0 END
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS next_time
    FROM theirs
)
SELECT
    user_id,
    event_time,
    coalesce(
        CAST(epoch(next_time) AS BIGINT) - CAST(epoch(event_time) AS BIGINT) <= CAST($response_days AS BIGINT) * 86400,
        false
    ) AS answered
FROM answered
WHERE contact
