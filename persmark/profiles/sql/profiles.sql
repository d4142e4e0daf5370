-- The published table: one row per user, sorted by user_id. NULL where a feature is undefined.
-- What depends on the moment and on the other users is worked out here, for everybody.
CREATE TABLE out.profiles AS
WITH aged AS (
    SELECT
        f.*,
        -- Before and after can be compared where the user was known during the whole of both.
        now_s - CAST(epoch(first_event_time) AS BIGINT) >= 2 * CAST($trend_days AS BIGINT) * 86400 AS known,
        coalesce(r.n_events, 0) AS n_late,
        coalesce(r.n_events_before, 0) AS n_before,
        coalesce(r.n_orders, 0) AS n_orders_late,
        coalesce(r.n_orders_before, 0) AS n_orders_before,
        coalesce(r.spend, CASE WHEN f.monetary IS NOT NULL THEN 0 END) AS spend_late,
        coalesce(r.spend_before, 0) AS spend_before,
        CAST(floor(CAST(now_s - CAST(epoch(first_event_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS tenure_days,
        CAST(floor(CAST(now_s - CAST(epoch(last_event_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS inactive_days,
        CAST(floor(CAST(now_s - CAST(epoch(last_purchase_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS recency_days,
        CAST(floor(CAST(now_s - CAST(epoch(first_purchase_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS days_since_first_purchase,
        CAST(floor(CAST(now_s - CAST(epoch(won_back_time) AS BIGINT) AS DOUBLE) / 86400.0) AS INTEGER) AS days_since_won_back
    FROM (SELECT *, CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) AS now_s FROM facts) AS f
    LEFT JOIN recent AS r ON r.user_id = f.user_id
),
contacted AS (
    SELECT
        user_id,
        count(*) FILTER (WHERE age_s < CAST($contact_days AS BIGINT) * 86400) AS n_campaigns_recent,
        count(*) FILTER (WHERE age_s < 7 * 86400) AS n_campaigns_week,
        -- Time to answer has not run out yet.
        count(*) FILTER (WHERE age_s < CAST($response_days AS BIGINT) * 86400) AS n_open,
        count(*) FILTER (WHERE answered AND age_s < CAST($response_days AS BIGINT) * 86400) AS n_open_answered
    FROM (
        SELECT
            *,
            CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(event_time) AS BIGINT) AS age_s
        FROM out.recent_contacts
    )
    GROUP BY user_id
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
    p.n_late AS n_events_recent,
    CASE WHEN p.known THEN
        CAST(p.n_late - p.n_before AS DOUBLE) / nullif(CAST(p.n_late + p.n_before AS DOUBLE), 0)
    END AS event_trend,
    p.n_orders_late AS n_orders_recent,
    CASE WHEN p.known THEN
        CAST(p.n_orders_late - p.n_orders_before AS DOUBLE)
        / nullif(CAST(p.n_orders_late + p.n_orders_before AS DOUBLE), 0)
    END AS order_trend,
    CAST(p.spend_late AS DECIMAL(38, 4)) AS spend_recent,
    CASE WHEN p.known THEN
        CAST(p.spend_late - p.spend_before AS DOUBLE)
        / nullif(CAST(abs(p.spend_late) + abs(p.spend_before) AS DOUBLE), 0)
    END AS spend_trend,
    p.minutes_per_session,
    p.dwell_minutes,
    p.mean_dwell_seconds,
    p.opportunity_category,
    p.opportunity_share,
    l.price_level,
    p.discounted_order_share,
    p.coupon_order_share,
    coalesce(c.n_campaigns_week, 0) AS n_campaigns_week,
    p.n_campaigns_answered,
    CAST(p.n_campaigns_answered - coalesce(c.n_open_answered, 0) AS DOUBLE)
    / nullif(CAST(p.n_campaigns_received - coalesce(c.n_open, 0) AS DOUBLE), 0) AS campaign_response_rate,
    p.repeat_share,
    p.novelty_share,
    p.items_per_order,
    a.* EXCLUDE (user_id)
FROM aged AS p
LEFT JOIN scores AS s ON s.user_id = p.user_id
LEFT JOIN price_levels AS l ON l.user_id = p.user_id
LEFT JOIN contacted AS c ON c.user_id = p.user_id
LEFT JOIN attribute_values AS a ON a.user_id = p.user_id
ORDER BY p.user_id
