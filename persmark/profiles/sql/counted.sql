-- What stays true of a user until an event of theirs comes: all that is counted from events.
CREATE TEMP VIEW counted AS
SELECT
    p.user_id,
    p.first_event_time,
    p.last_event_time,
    p.n_events,
    p.n_views,
    p.n_clicks,
    p.n_carts,
    s.n_sessions,
    s.events_per_session,
    coalesce(b.n_purchases, 0) AS n_purchases,
    coalesce(i.n_items, 0) AS n_items,
    b.first_purchase_time,
    b.last_purchase_time,
    b.won_back_time,
    p.monetary,
    b.average_order_value,
    b.discount_share,
    b.mean_gap_days,
    b.gap_spread_days,
    p.n_coupons_redeemed,
    p.n_campaigns_received,
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
    s.minutes_per_session,
    d.seconds / 60.0 AS dwell_minutes,
    d.seconds / nullif(d.n_dwelt, 0) AS mean_dwell_seconds,
    t.opportunity_category,
    t.opportunity_share,
    b.discounted_order_share,
    b.coupon_order_share,
    coalesce(k.n_answered, 0) AS n_campaigns_answered,
    CAST(o.n_again AS DOUBLE) / nullif(CAST(o.n_later AS DOUBLE), 0) AS repeat_share,
    CAST(o.n_new AS DOUBLE) / nullif(CAST(o.n_latest AS DOUBLE), 0) AS novelty_share,
    CAST(o.n_pairs AS DOUBLE) / nullif(CAST(o.n_orders AS DOUBLE), 0) AS items_per_order
FROM (
    SELECT
        *,
        greatest(n_night, n_morning, n_afternoon, n_evening) AS n_daypart,
        -- Local hour and date come together or not at all.
        n_night + n_morning + n_afternoon + n_evening AS n_hours
    FROM base
) AS p
LEFT JOIN buying AS b ON b.user_id = p.user_id
LEFT JOIN bought_items AS i ON i.user_id = p.user_id
LEFT JOIN ended_sessions AS s ON s.user_id = p.user_id
LEFT JOIN top_categories AS t ON t.user_no = p.user_no
LEFT JOIN favourite_brands AS f ON f.user_no = p.user_no
LEFT JOIN favourite_channels AS c ON c.user_no = p.user_no
LEFT JOIN dwelt AS d ON d.user_no = p.user_no
LEFT JOIN order_items AS o ON o.user_id = p.user_id
LEFT JOIN (
    SELECT user_id, count(*) AS n_answered FROM contacts WHERE answered GROUP BY user_id
) AS k ON k.user_id = p.user_id
