-- The published table: one row per user, sorted by user_id. NULL where a feature is undefined.
-- What depends on the moment and on the other users is worked out here, for everybody.
CREATE TABLE out.profiles AS
WITH aged AS (
    SELECT
        *,
        CAST(floor(CAST(now_s - CAST(epoch(first_event_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS tenure_days,
        CAST(floor(CAST(now_s - CAST(epoch(last_event_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS inactive_days,
        CAST(floor(CAST(now_s - CAST(epoch(last_purchase_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS recency_days,
        CAST(floor(CAST(now_s - CAST(epoch(first_purchase_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS days_since_first_purchase,
        CAST(floor(CAST(now_s - CAST(epoch(won_back_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS days_since_won_back
    FROM (SELECT *, CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) AS now_s FROM facts)
),
contacted AS (SELECT user_id, count(*) AS n_campaigns_recent FROM out.recent_contacts GROUP BY user_id)
SELECT
    p.user_id,
    CAST($as_of AS TIMESTAMP) AS as_of,
    p.first_event_time,
    p.last_event_time,
    p.tenure_days,
    p.inactive_days,
    p.n_events,
    p.n_views,
    p.n_clicks,
    p.n_carts,
    p.n_sessions,
    p.events_per_session,
    p.n_purchases,
    p.n_items,
    p.first_purchase_time,
    p.last_purchase_time,
    p.won_back_time,
    p.recency_days,
    p.n_purchases AS frequency,
    p.monetary,
    p.average_order_value,
    p.discount_share,
    p.mean_gap_days,
    p.gap_spread_days,
    p.n_coupons_redeemed,
    p.n_campaigns_received,
    coalesce(c.n_campaigns_recent, 0) AS n_campaigns_recent,
    p.top_category_1,
    p.top_category_1_share,
    p.top_category_2,
    p.top_category_2_share,
    p.top_category_3,
    p.top_category_3_share,
    p.favourite_brand,
    p.favourite_brand_share,
    p.favourite_channel,
    p.favourite_channel_share,
    p.favourite_daypart,
    p.favourite_daypart_share,
    p.night_share,
    p.morning_share,
    p.afternoon_share,
    p.evening_share,
    p.weekend_share,
    s.r_score,
    s.f_score,
    s.m_score,
    s.rfm_segment,
    CASE
        WHEN p.last_purchase_time IS NULL THEN 'never_purchased'
        WHEN p.days_since_first_purchase <= $new_days THEN 'new'
        WHEN p.recency_days <= $active_days AND p.days_since_won_back <= $active_days THEN 'won_back'
        WHEN p.recency_days <= $active_days THEN 'active'
        WHEN p.recency_days <= $lost_days THEN 'at_risk'
        ELSE 'lost'
    END AS lifecycle,
    a.* EXCLUDE (user_id)
FROM aged AS p
LEFT JOIN scores AS s ON s.user_id = p.user_id
LEFT JOIN contacted AS c ON c.user_id = p.user_id
LEFT JOIN attribute_values AS a ON a.user_id = p.user_id
ORDER BY p.user_id
