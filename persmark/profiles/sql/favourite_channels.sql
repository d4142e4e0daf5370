-- The channel most of each user's own events came by (undecayed); equal counts go by name.
-- Packed as in top_categories.sql.
INSERT INTO favourite_channels
WITH width AS (SELECT coalesce(max(channel_no), 0) + 1 AS n FROM channel_numbers),
best AS (
    SELECT user_no, max(n_events * n + n - no) AS packed, CAST(sum(n_events) AS DOUBLE) AS total
    FROM sums
    CROSS JOIN width
    GROUP BY user_no
)
SELECT
    best.user_no,
    names.name AS favourite_channel,
    CAST(packed - packed % n AS DOUBLE) / CAST(n AS DOUBLE) / nullif(total, 0) AS favourite_channel_share
FROM best
CROSS JOIN width
INNER JOIN names ON names.dimension = 'channel' AND names.no = n - packed % n
