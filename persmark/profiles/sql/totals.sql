-- Of each user of that range, over all categories (or brands, ...), and which of them stands out.
-- What it is ranked by and the number it belongs to are packed into one integer (rank * width + width - no),
-- which orders by rank, then name, so that one max() finds both. $most keeps the product inside 64 bits for a
-- robot with a billion events.
CREATE OR REPLACE TEMP TABLE totals AS
SELECT
    user_no,
    CAST(sum(weight) AS DOUBLE) AS weight,
    nullif(CAST(sum(dwell_s) AS DOUBLE), 0) AS dwell_s,
    nullif(CAST(sum(spend) AS DOUBLE), 0) AS spend,
    CAST(sum("ranked_by") AS DOUBLE) AS rank_sum,
    max(least("ranked_by", CAST($most AS BIGINT)) * CAST($width AS BIGINT) + $width - no) AS first
FROM sums
GROUP BY user_no
