-- The published table: one row per user, sorted by user_id. NULL where a feature is undefined.
CREATE TABLE out.profiles AS
WITH measured AS (
    SELECT
        base.*,
        CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) AS now_s,
        b.* EXCLUDE (user_id),
        i.n_items,
        s.n_sessions,
        s.events_per_session,
        greatest(n_night, n_morning, n_afternoon, n_evening) AS n_daypart,
        -- Local hour and date come together or not at all.
        n_night + n_morning + n_afternoon + n_evening AS n_hours
    FROM base
    LEFT JOIN buying AS b ON b.user_id = base.user_id
    LEFT JOIN bought_items AS i ON i.user_id = base.user_id
    LEFT JOIN ended_sessions AS s ON s.user_id = base.user_id
),
aged AS (
    SELECT
        *,
        CAST(floor(CAST(now_s - CAST(epoch(first_event_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS tenure_days,
        CAST(floor(CAST(now_s - CAST(epoch(last_event_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS inactive_days,
        CAST(floor(CAST(now_s - CAST(epoch(last_purchase_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS recency_days,
        CAST(floor(CAST(now_s - CAST(epoch(first_purchase_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS days_since_first_purchase
    FROM measured
)
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
    coalesce(p.n_purchases, 0) AS n_purchases,
    coalesce(p.n_items, 0) AS n_items,
    p.first_purchase_time,
    p.last_purchase_time,
    p.recency_days,
    coalesce(p.n_purchases, 0) AS frequency,
    p.monetary,
    p.average_order_value,
    p.discount_share,
    p.mean_gap_days,
    p.gap_spread_days,
    p.n_coupons_redeemed,
    p.n_campaigns_received,
    p.n_campaigns_recent,
    t.top_category_1,
    t.top_category_1_share,
    t.top_category_2,
    t.top_category_2_share,
    t.top_category_3,
    t.top_category_3_share,
    f.favourite_brand,
    f.favourite_brand_share,
    c.favourite_channel,
    c.favourite_channel_share,
    -- Equal counts go by name: afternoon, evening, morning, night.
    CASE
        WHEN n_hours = 0 THEN NULL
        WHEN n_afternoon = n_daypart THEN 'afternoon'
        WHEN n_evening = n_daypart THEN 'evening'
        WHEN n_morning = n_daypart THEN 'morning'
        ELSE 'night'
    END AS favourite_daypart,
    CAST(n_daypart AS DOUBLE) / nullif(CAST(n_hours AS DOUBLE), 0) AS favourite_daypart_share,
    CAST(n_night AS DOUBLE) / nullif(CAST(n_hours AS DOUBLE), 0) AS night_share,
    CAST(n_morning AS DOUBLE) / nullif(CAST(n_hours AS DOUBLE), 0) AS morning_share,
    CAST(n_afternoon AS DOUBLE) / nullif(CAST(n_hours AS DOUBLE), 0) AS afternoon_share,
    CAST(n_evening AS DOUBLE) / nullif(CAST(n_hours AS DOUBLE), 0) AS evening_share,
    CAST(n_weekend AS DOUBLE) / nullif(CAST(n_hours AS DOUBLE), 0) AS weekend_share,
    s.r_score,
    s.f_score,
    s.m_score,
    s.rfm_segment,
    CASE
        WHEN p.n_purchases IS NULL THEN 'never_purchased'
        WHEN p.days_since_first_purchase <= $new_days THEN 'new'
        WHEN p.recency_days <= $active_days AND p.longest_recent_gap_days > $lost_days THEN 'won_back'
        WHEN p.recency_days <= $active_days THEN 'active'
        WHEN p.recency_days <= $lost_days THEN 'at_risk'
        ELSE 'lost'
    END AS lifecycle,
    a.* EXCLUDE (user_id)
FROM aged AS p
LEFT JOIN scores AS s ON s.user_no = p.user_no
LEFT JOIN top_categories AS t ON t.user_no = p.user_no
LEFT JOIN favourite_brands AS f ON f.user_no = p.user_no
LEFT JOIN favourite_channels AS c ON c.user_no = p.user_no
LEFT JOIN attribute_values AS a ON a.user_id = p.user_id
ORDER BY p.user_no
