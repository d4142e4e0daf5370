-- The Complete Journey as events. Transactions carry UTC instants; campaign and redemption files
-- carry days in the shops' zone. A redemption takes the time of the household's first basket of
-- that day, or noon where there is none; a mailing arrives at midnight, before that day's shopping.
CREATE TEMP TABLE journey AS
WITH baskets AS (
    SELECT household_id, transaction_timestamp, store_id, basket_id, product_id, sales_value, quantity,
        retail_disc + coupon_disc + coupon_match_disc AS discount
    FROM read_parquet($transactions)
),
first_baskets AS (
    SELECT household_id,
        CAST(timezone($time_zone, timezone('UTC', transaction_timestamp)) AS DATE) AS day,
        min(transaction_timestamp) AS first_time
    FROM (SELECT DISTINCT household_id, transaction_timestamp FROM baskets)
    GROUP BY 1, 2
)
SELECT
    CAST(household_id AS VARCHAR) AS user_id,
    CAST(product_id AS VARCHAR) AS item_id,
    'purchase' AS event_type,
    transaction_timestamp AS event_time,
    sales_value AS value,
    quantity,
    discount,
    CAST(basket_id AS VARCHAR) AS order_id,
    'store' AS channel,
    CAST(NULL AS VARCHAR) AS campaign_id,
    '{"store_id":"' || store_id || '"}' AS properties,
    $transactions_id AS source_id
FROM baskets
UNION ALL
SELECT CAST(c.household_id AS VARCHAR), NULL, 'campaign_received',
    timezone('UTC', timezone($time_zone, d.start_date)),
    NULL, NULL, NULL, NULL, 'mail', CAST(c.campaign_id AS VARCHAR), NULL, $campaigns_id
FROM read_parquet($campaigns) AS c
JOIN read_parquet($campaign_descriptions) AS d ON d.campaign_id = c.campaign_id
UNION ALL
SELECT CAST(r.household_id AS VARCHAR), 'coupon:' || r.coupon_upc, 'coupon_redeemed',
    coalesce(b.first_time, timezone('UTC', timezone($time_zone, r.redemption_date + INTERVAL 12 HOUR))),
    NULL, NULL, NULL, NULL, 'store', CAST(r.campaign_id AS VARCHAR), NULL, $redemptions_id
FROM read_parquet($redemptions) AS r
LEFT JOIN first_baskets AS b ON b.household_id = r.household_id AND b.day = CAST(r.redemption_date AS DATE)
