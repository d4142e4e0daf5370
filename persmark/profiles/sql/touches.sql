-- Every own event as its user's number, what it touched by number (0 = none), how much it still counts (half
-- after $half_life_days), how long it was dwelt upon and what it paid.
-- Only shares are made of the weights, so each user's are counted from their own last event: they stay as
-- they are while time goes by without the user. They are whole billionths, at least one: their sums do not
-- depend on the order of adding.
-- Dwell is the time to the user's next own event, where that comes within $session_gap_minutes; of several
-- events in one second the last by item, type and channel has it. What a till records is not dwelt upon.
CREATE OR REPLACE TEMP TABLE touches AS
WITH walked AS (
    SELECT
        *,
        CAST(epoch(event_time) AS BIGINT) AS at_s,
        CASE WHEN next_user_id = user_id AND next_event_time <= CAST($as_of AS TIMESTAMP)
             THEN CAST(epoch(next_event_time) AS BIGINT) END AS next_s,
        CASE
            WHEN previous_user_id IS DISTINCT FROM user_id THEN coalesce(previous_user_id > user_id, false)
            WHEN previous_event_time <> event_time THEN previous_event_time > event_time
            WHEN previous_item_id IS DISTINCT FROM item_id
                THEN coalesce(previous_item_id > item_id, item_id IS NOT NULL)
            WHEN previous_event_type <> event_type THEN previous_event_type > event_type
            WHEN previous_channel IS DISTINCT FROM channel
                THEN coalesce(previous_channel > channel, channel IS NOT NULL)
            ELSE false
        END AS misplaced
    FROM walk
)
SELECT
    base.user_no,
    CASE WHEN e.event_type IN ('refund', 'coupon_redeemed') THEN 0 ELSE coalesce(i.category_no, 0) END AS category_no,
    CASE WHEN e.event_type IN ('refund', 'coupon_redeemed') THEN 0 ELSE coalesce(i.brand_no, 0) END AS brand_no,
    coalesce(c.channel_no, 0) AS channel_no,
    CASE
        WHEN e.local_hour IS NULL THEN 0
        WHEN e.local_hour < 6 THEN 1
        WHEN e.local_hour < 12 THEN 2
        WHEN e.local_hour < 18 THEN 3
        ELSE 4
    END AS daypart_no,
    greatest(1, CAST(round(1000000000 * pow(
        0.5,
        CAST(CAST(epoch(base.last_own_time) AS BIGINT) - e.at_s AS DOUBLE)
        / (86400.0 * CAST($half_life_days AS DOUBLE))
    )) AS BIGINT)) AS weight,
    CASE
        WHEN e.event_type IN ('purchase', 'refund', 'coupon_redeemed') THEN NULL
        WHEN e.next_s - e.at_s <= 60 * CAST($session_gap_minutes AS BIGINT)
            THEN CAST(least(e.next_s - e.at_s, 60 * CAST($dwell_cap_minutes AS BIGINT)) AS INTEGER)
    END AS dwell_s,
    CASE WHEN e.event_type = 'purchase' THEN e.value END AS spend,
    e.misplaced
FROM walked AS e
INNER JOIN base ON base.user_id = e.user_id
LEFT JOIN item_numbers AS i ON i.item_id = e.item_id
LEFT JOIN channel_numbers AS c ON c.channel = e.channel
WHERE e.event_time <= CAST($as_of AS TIMESTAMP)
