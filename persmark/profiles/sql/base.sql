-- One row per user with an event up to $as_of: what one pass over the events can add up.
-- "Own" events are those the user did; a campaign received or an advertisement shown is done to them.
CREATE TEMP TABLE base AS
WITH marked AS (
    SELECT
        user_id,
        event_type,
        event_time,
        value,
        local_hour,
        event_type NOT IN ('campaign_received', 'impression') AS own,
        -- 1970-01-01 was a Thursday: Monday is 0, Saturday and Sunday are 5 and 6.
        (CAST(CAST(epoch(local_date) AS DOUBLE) / 86400.0 AS BIGINT) + 3) % 7 >= 5 AS weekend
    FROM seen
    WHERE event_time <= CAST($as_of AS TIMESTAMP) AND user_id IS NOT NULL
),
added AS (
    SELECT
        user_id,
        min(event_time) AS first_event_time,
        max(event_time) AS last_event_time,
        max(event_time) FILTER (WHERE own) AS last_own_time,
        count(*) AS n_events,
        count(*) FILTER (WHERE event_type = 'view') AS n_views,
        count(*) FILTER (WHERE event_type = 'click') AS n_clicks,
        count(*) FILTER (WHERE event_type = 'cart') AS n_carts,
        count(*) FILTER (WHERE event_type = 'coupon_redeemed') AS n_coupons_redeemed,
        count(*) FILTER (WHERE event_type = 'campaign_received') AS n_campaigns_received,
        CAST(sum(value) FILTER (WHERE event_type IN ('purchase', 'refund')) AS DECIMAL(38, 4)) AS monetary,
        count(*) FILTER (WHERE own AND local_hour < 6) AS n_night,
        count(*) FILTER (WHERE own AND local_hour >= 6 AND local_hour < 12) AS n_morning,
        count(*) FILTER (WHERE own AND local_hour >= 12 AND local_hour < 18) AS n_afternoon,
        count(*) FILTER (WHERE own AND local_hour >= 18) AS n_evening,
        count(*) FILTER (WHERE own AND weekend) AS n_weekend
    FROM marked
    GROUP BY user_id
)
SELECT CAST(row_number() OVER (ORDER BY user_id) AS INTEGER) AS user_no, *
FROM added
