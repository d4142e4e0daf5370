-- Every own event as its user and three numbers, (user, category), (user, brand) and (user, channel) packed into
-- one integer each (user_no * width + no), and how much it still counts: half after $half_life_days.
-- Only shares are made of the weights, so each user's are counted from their own last event: they stay as
-- they are while time goes by without the user. They are whole billionths, at least one: their sums do not
-- depend on the order of adding.
CREATE TEMP TABLE touches AS
WITH width AS (
    SELECT
        (SELECT coalesce(max(category_no), 0) + 1 FROM item_numbers) AS categories,
        (SELECT coalesce(max(brand_no), 0) + 1 FROM item_numbers) AS brands,
        (SELECT coalesce(max(channel_no), 0) + 1 FROM channel_numbers) AS channels
)
SELECT
    base.user_no,
    CASE WHEN i.category_no > 0 THEN base.user_no * width.categories + i.category_no END AS user_category,
    CASE WHEN i.brand_no > 0 THEN base.user_no * width.brands + i.brand_no END AS user_brand,
    base.user_no * width.channels + c.channel_no AS user_channel,
    CASE WHEN i.category_no > 0 OR i.brand_no > 0 THEN greatest(1, CAST(round(1000000000 * pow(0.5,
        CAST(CAST(epoch(base.last_own_time) AS BIGINT) - CAST(epoch(e.event_time) AS BIGINT) AS DOUBLE)
        / (86400.0 * CAST($half_life_days AS DOUBLE))
    )) AS BIGINT)) END AS weight
FROM seen AS e
CROSS JOIN width
INNER JOIN base ON base.user_id = e.user_id
LEFT JOIN item_numbers AS i
    ON i.item_id = e.item_id AND e.event_type NOT IN ('refund', 'coupon_redeemed')
LEFT JOIN channel_numbers AS c ON c.channel = e.channel
WHERE e.event_time <= CAST($as_of AS TIMESTAMP) AND e.event_type NOT IN ('campaign_received', 'impression')
