-- Channels numbered from 1 in the order of their names.
CREATE TEMP TABLE channel_numbers AS
WITH names AS (SELECT channel FROM seen WHERE channel IS NOT NULL GROUP BY channel)
SELECT channel, CAST(row_number() OVER (ORDER BY channel) AS INTEGER) AS channel_no FROM names
