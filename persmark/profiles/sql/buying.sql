-- One row per user with an order: how many, how much, and the silences between purchase days.
-- Integer sums, so that the same orders in another sequence give the same figures to the last digit.
CREATE TEMP TABLE buying AS
WITH coupon_days AS (
    SELECT
        user_id,
        CAST(
            CAST(epoch(coalesce(local_date, CAST(event_time AS DATE))) AS DOUBLE) / 86400.0 AS BIGINT
        ) AS coupon_day
    FROM seen
    WHERE event_type = 'coupon_redeemed' AND event_time <= CAST($as_of AS TIMESTAMP)
    GROUP BY ALL
),
gaps AS (
    SELECT
        o.user_id,
        o.bought_at,
        o.value,
        o.discount,
        o.order_day - lag(o.order_day) OVER (PARTITION BY o.user_id ORDER BY o.order_no) AS gap_days,
        c.user_id IS NOT NULL AS with_coupon
    FROM orders AS o
    LEFT JOIN coupon_days AS c ON c.user_id = o.user_id AND c.coupon_day = o.order_day
),
added AS (
    SELECT
        user_id,
        count(*) AS n_purchases,
        min(bought_at) AS first_purchase_time,
        max(bought_at) AS last_purchase_time,
        CAST(sum(value) AS DECIMAL(38, 4)) AS order_value,
        CAST(sum(discount) AS DECIMAL(38, 4)) AS discount,
        count(*) FILTER (WHERE with_coupon) AS n_with_coupon,
        count(discount) AS n_discount_told,
        count(*) FILTER (WHERE discount > 0) AS n_discounted,
        count(*) FILTER (WHERE gap_days > 0) AS n_gaps,
        CAST(sum(gap_days) AS BIGINT) AS gap_sum,
        CAST(sum(gap_days * gap_days) AS BIGINT) AS gap_squares,
        max(bought_at) FILTER (WHERE gap_days > $lost_days) AS won_back_time
    FROM gaps
    GROUP BY user_id
)
SELECT
    user_id,
    n_purchases,
    first_purchase_time,
    last_purchase_time,
    won_back_time,
    CAST(order_value AS DOUBLE) / CAST(n_purchases AS DOUBLE) AS average_order_value,
    CAST(discount AS DOUBLE) / nullif(CAST(coalesce(order_value, 0) + discount AS DOUBLE), 0) AS discount_share,
    CAST(gap_sum AS DOUBLE) / nullif(CAST(n_gaps AS DOUBLE), 0) AS mean_gap_days,
    sqrt(
        CAST(n_gaps * gap_squares - gap_sum * gap_sum AS DOUBLE)
        / nullif(CAST(n_gaps * (n_gaps - 1) AS DOUBLE), 0)
    ) AS gap_spread_days,
    CAST(n_discounted AS DOUBLE) / nullif(CAST(n_discount_told AS DOUBLE), 0) AS discounted_order_share,
    CAST(n_with_coupon AS DOUBLE) / CAST(n_purchases AS DOUBLE) AS coupon_order_share
FROM added
