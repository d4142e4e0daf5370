-- The channel most of each user's own events came by (undecayed); equal counts go by name.
-- Packed as in top_categories.sql.
CREATE TEMP TABLE favourite_channels AS
WITH width AS (SELECT coalesce(max(channel_no), 0) + 1 AS n FROM channel_numbers),
sums AS (
    SELECT user_channel, count(*) AS n_events FROM touches WHERE user_channel IS NOT NULL GROUP BY user_channel
),
split AS (
    SELECT
        CAST(CAST(user_channel - user_channel % n AS DOUBLE) / CAST(n AS DOUBLE) AS INTEGER) AS user_no,
        n_events,
        n_events * n + n - user_channel % n AS packed
    FROM sums
    CROSS JOIN width
),
best AS (
    SELECT user_no, max(packed) AS packed, CAST(sum(n_events) AS DOUBLE) AS total FROM split GROUP BY user_no
)
SELECT
    user_no,
    channel_numbers.channel AS favourite_channel,
    CAST(packed - packed % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(total, 0) AS favourite_channel_share
FROM best
CROSS JOIN width
INNER JOIN channel_numbers ON channel_numbers.channel_no = n - packed % n
