-- What each user did in the days before $as_of, beside what the profile tells: one row per user, sorted.
-- A day is 24 hours counted back from $as_of; a buying day is one with a purchase.
WITH mine AS (
    SELECT
        user_id,
        event_type,
        value,
        CAST(floor(CAST(CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(event_time) AS BIGINT) AS DOUBLE)
            / 86400.0) AS INTEGER) AS days_ago
    FROM events
    WHERE event_time <= CAST($as_of AS TIMESTAMP) AND user_id >= $first AND user_id <= $last AND md5(user_id) < $below
),
days AS (
    SELECT
        user_id,
        days_ago,
        count(*) FILTER (event_type = 'purchase') AS n_lines,
        CAST(coalesce(sum(value) FILTER (event_type IN ('purchase', 'refund')), 0) AS DOUBLE) AS money,
        count(*) FILTER (
            event_type NOT IN ('purchase', 'refund', 'campaign_received', 'impression', 'coupon_redeemed')
        ) AS n_looks,
        count(*) FILTER (event_type = 'cart') AS n_carts,
        count(*) FILTER (event_type = 'campaign_received') AS n_contacts,
        count(*) FILTER (event_type = 'coupon_redeemed') AS n_redeemed
    FROM mine
    GROUP BY user_id, days_ago
),
buying AS (
    SELECT
        user_id,
        days_ago,
        row_number() OVER (PARTITION BY user_id ORDER BY days_ago) AS place,
        lag(days_ago) OVER (PARTITION BY user_id ORDER BY days_ago) AS later
    FROM days
    WHERE n_lines > 0
),
gaps AS (
    SELECT
        user_id,
        CAST(count(*) AS INTEGER) AS n_days,
        CAST(min(days_ago) AS INTEGER) AS bought_ago,
        CAST(max(days_ago) AS INTEGER) AS first_bought_ago,
        CAST(max(days_ago - later) AS INTEGER) AS longest_gap,
        avg(days_ago - later) FILTER (place <= 6) AS late_gap,
        max(days_ago - later) FILTER (place <= 6) AS late_longest_gap,
        max(days_ago - later) FILTER (place = 2) AS last_gap
    FROM buying
    GROUP BY user_id
)
SELECT
    d.user_id,
    coalesce(max(g.n_days), 0) AS buying_days,
    max(g.bought_ago) AS bought_ago,
    max(g.first_bought_ago) AS first_bought_ago,
    max(g.longest_gap) AS longest_gap,
    max(g.late_gap) AS late_gap,
    max(g.late_longest_gap) AS late_longest_gap,
    max(g.last_gap) AS last_gap,
    count(*) FILTER (n_lines > 0 AND days_ago < 7) AS buying_days_7,
    count(*) FILTER (n_lines > 0 AND days_ago < 14) AS buying_days_14,
    count(*) FILTER (n_lines > 0 AND days_ago < 28) AS buying_days_28,
    count(*) FILTER (n_lines > 0 AND days_ago < 56) AS buying_days_56,
    count(*) FILTER (n_lines > 0 AND days_ago < 84) AS buying_days_84,
    count(*) FILTER (n_lines > 0 AND days_ago < 168) AS buying_days_168,
    coalesce(sum(money) FILTER (days_ago < 14), 0) AS money_14,
    coalesce(sum(money) FILTER (days_ago < 28), 0) AS money_28,
    coalesce(sum(money) FILTER (days_ago < 56), 0) AS money_56,
    coalesce(sum(money) FILTER (days_ago < 84), 0) AS money_84,
    coalesce(sum(money) FILTER (days_ago < 168), 0) AS money_168,
    coalesce(sum(money), 0) AS money_ever,
    coalesce(CAST(sum(n_lines) FILTER (days_ago < 28) AS BIGINT), 0) AS lines_28,
    coalesce(CAST(sum(n_lines) FILTER (days_ago < 84) AS BIGINT), 0) AS lines_84,
    coalesce(CAST(sum(n_looks) FILTER (days_ago < 7) AS BIGINT), 0) AS looks_7,
    coalesce(CAST(sum(n_looks) FILTER (days_ago < 28) AS BIGINT), 0) AS looks_28,
    coalesce(CAST(sum(n_looks) FILTER (days_ago < 84) AS BIGINT), 0) AS looks_84,
    coalesce(CAST(sum(n_carts) FILTER (days_ago < 28) AS BIGINT), 0) AS carts_28,
    coalesce(CAST(sum(n_contacts) FILTER (days_ago < 28) AS BIGINT), 0) AS contacts_28,
    coalesce(CAST(sum(n_contacts) FILTER (days_ago < 84) AS BIGINT), 0) AS contacts_84,
    coalesce(CAST(sum(n_contacts) AS BIGINT), 0) AS contacts,
    coalesce(CAST(sum(n_redeemed) FILTER (days_ago < 84) AS BIGINT), 0) AS redeemed_84,
    coalesce(CAST(sum(n_redeemed) AS BIGINT), 0) AS redeemed
FROM days AS d
LEFT JOIN gaps AS g ON g.user_id = d.user_id
GROUP BY d.user_id
ORDER BY d.user_id
