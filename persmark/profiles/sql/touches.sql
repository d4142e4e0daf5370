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
        base.user_no,
        w.item_id,
        w.event_type,
        w.channel,
        w.local_hour,
        w.value,
        CAST(epoch(base.last_own_time) AS BIGINT) - CAST(epoch(w.event_time) AS BIGINT) AS age_s,
        CASE WHEN w.next_user_id = w.user_id AND w.next_event_time <= CAST($as_of AS TIMESTAMP)
             THEN CAST(epoch(w.next_event_time) AS BIGINT) - CAST(epoch(w.event_time) AS BIGINT) END AS silence_s,
        w.event_type IN ('refund', 'coupon_redeemed') AS aside,
        -- Somebody handed over rows that are not sorted.
        coalesce(
            CASE WHEN w.previous_user_id = w.user_id THEN w.previous_event_time > w.event_time
                 ELSE w.previous_user_id > w.user_id END,
            false
        ) AS misplaced
    FROM walk AS w
    INNER JOIN base ON base.user_id = w.user_id
    WHERE w.event_time <= CAST($as_of AS TIMESTAMP)
)
SELECT
    e.user_no,
    CASE WHEN e.aside THEN 0 ELSE coalesce(i.category_no, 0) END AS category_no,
    CASE WHEN e.aside THEN 0 ELSE coalesce(i.brand_no, 0) END AS brand_no,
    coalesce(c.channel_no, 0) AS channel_no,
    CASE
        WHEN e.local_hour IS NULL THEN 0
        WHEN e.local_hour < 6 THEN 1
        WHEN e.local_hour < 12 THEN 2
        WHEN e.local_hour < 18 THEN 3
        ELSE 4
    END AS daypart_no,
    greatest(1, CAST(round(1000000000 * pow(
        0.5, CAST(e.age_s AS DOUBLE) / (86400.0 * CAST($half_life_days AS DOUBLE))
    )) AS INTEGER)) AS weight,
    CASE
        WHEN e.silence_s <= 60 * CAST($session_gap_minutes AS BIGINT) AND NOT e.aside AND e.event_type <> 'purchase'
            THEN CAST(least(e.silence_s, 60 * CAST($dwell_cap_minutes AS BIGINT)) AS INTEGER)
    END AS dwell_s,
    CASE WHEN e.event_type = 'purchase' THEN e.value END AS spend,
    e.misplaced
FROM walked AS e
LEFT JOIN item_numbers AS i ON i.item_id = e.item_id
LEFT JOIN channel_numbers AS c ON c.channel = e.channel
