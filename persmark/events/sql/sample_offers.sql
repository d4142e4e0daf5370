-- Weeks run Monday to Sunday; the last one ends on the last day, whether or not anybody bought on its first.
-- Coupons for as long as their campaign runs; mailer and display placements week by week.
INSERT INTO out_catalogue.item_offers BY NAME
WITH weeks AS (
    SELECT week,
        last_day - CAST(7 * (last_week - week) + 6 AS INTEGER) AS starts_on,
        last_day - CAST(7 * (last_week - week) AS INTEGER) AS ends_on
    FROM (SELECT DISTINCT week FROM read_parquet($promotions))
    CROSS JOIN (
        SELECT max(week) AS last_week,
            CAST(max(timezone($time_zone, timezone('UTC', transaction_timestamp))) AS DATE) AS last_day
        FROM read_parquet($transactions)
    )
),
placed AS (
    SELECT product_id, week, 'mailer' AS channel, mailer_location AS location, count(*) AS n_places
    FROM read_parquet($promotions) WHERE mailer_location <> '0' GROUP BY product_id, week, mailer_location
    UNION ALL
    SELECT product_id, week, 'display', display_location, count(*)
    FROM read_parquet($promotions) WHERE display_location <> '0' GROUP BY product_id, week, display_location
),
main AS (
    SELECT product_id, week, channel,
        arg_max(location, (n_places, location)) AS location,
        CAST(sum(n_places) AS INTEGER) AS n_places
    FROM placed GROUP BY product_id, week, channel
)
SELECT
    'coupon:' || c.coupon_upc AS offer_id,
    CAST(c.product_id AS VARCHAR) AS item_id,
    CAST(c.campaign_id AS VARCHAR) AS campaign_id,
    'coupon' AS channel,
    d.campaign_type AS location,
    CAST(d.start_date AS DATE) AS starts_on,
    CAST(d.end_date AS DATE) AS ends_on,
    CAST(NULL AS INTEGER) AS n_places
FROM (SELECT DISTINCT coupon_upc, campaign_id, product_id FROM read_parquet($coupons)) AS c
JOIN read_parquet($campaign_descriptions) AS d ON d.campaign_id = c.campaign_id
UNION ALL BY NAME
SELECT NULL AS offer_id, CAST(m.product_id AS VARCHAR) AS item_id, NULL AS campaign_id, m.channel,
    m.location, w.starts_on, w.ends_on, m.n_places
FROM main AS m
JOIN weeks AS w ON w.week = m.week
ORDER BY starts_on, channel, item_id
