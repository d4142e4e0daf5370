-- What each user did with each of the asked categories before $as_of: one row per pair with any such event.
WITH things AS (
    SELECT i.item_id, t.thing_no
    FROM items AS i
    INNER JOIN things_asked AS t ON t.thing = CASE WHEN $by_item THEN i.item_id ELSE i.category END
),
days AS (
    SELECT
        e.user_id,
        t.thing_no,
        CAST(floor(CAST(CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - CAST(epoch(e.event_time) AS BIGINT) AS DOUBLE)
            / 86400.0) AS INTEGER) AS days_ago,
        count(*) FILTER (e.event_type = 'purchase') AS n_lines,
        count(*) FILTER (e.event_type NOT IN ('purchase', 'coupon_redeemed')) AS n_looks,
        CAST(coalesce(sum(e.value) FILTER (e.event_type = 'purchase'), 0) AS DOUBLE) AS money
    FROM events AS e
    INNER JOIN things AS t ON t.item_id = e.item_id
    WHERE
        e.event_time <= CAST($as_of AS TIMESTAMP)
        AND e.user_id >= $first AND e.user_id <= $last AND md5(e.user_id) < $below
        AND e.event_type NOT IN ('refund', 'campaign_received', 'impression')
    GROUP BY ALL
)
SELECT
    user_id,
    thing_no,
    count(*) FILTER (n_lines > 0) AS pair_days,
    min(days_ago) FILTER (n_lines > 0) AS pair_ago,
    max(days_ago) FILTER (n_lines > 0) AS pair_first_ago,
    count(*) FILTER (n_lines > 0 AND days_ago < 7) AS pair_days_7,
    count(*) FILTER (n_lines > 0 AND days_ago < 14) AS pair_days_14,
    count(*) FILTER (n_lines > 0 AND days_ago < 28) AS pair_days_28,
    count(*) FILTER (n_lines > 0 AND days_ago < 56) AS pair_days_56,
    count(*) FILTER (n_lines > 0 AND days_ago < 84) AS pair_days_84,
    count(*) FILTER (n_lines > 0 AND days_ago < 168) AS pair_days_168,
    coalesce(CAST(sum(n_lines) FILTER (days_ago < 84) AS BIGINT), 0) AS pair_lines_84,
    coalesce(sum(money) FILTER (days_ago < 84), 0) AS pair_money_84,
    coalesce(sum(money), 0) AS pair_money,
    coalesce(CAST(sum(n_looks) FILTER (days_ago < 14) AS BIGINT), 0) AS pair_looks_14,
    coalesce(CAST(sum(n_looks) FILTER (days_ago < 84) AS BIGINT), 0) AS pair_looks_84
FROM days
GROUP BY user_id, thing_no
ORDER BY user_id, thing_no
