-- The channel most of each user's own events came by (undecayed); equal counts go by name.
INSERT INTO favourite_channels
WITH picked AS (
    SELECT user_no, rank_sum, first - first % $width AS packed, $width - first % $width AS no FROM totals
),
listed AS MATERIALIZED (SELECT no, name FROM names WHERE dimension = 'channel')
SELECT
    p.user_no,
    l.name AS favourite_channel,
    CAST(p.packed AS DOUBLE) / CAST($width AS DOUBLE) / nullif(p.rank_sum, 0) AS favourite_channel_share
FROM picked AS p
LEFT JOIN listed AS l ON l.no = p.no
