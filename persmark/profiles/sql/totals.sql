-- Of each user of that range, over all categories (or brands, ...), and which of them stands out.
-- A weight and the number it belongs to are packed into one integer (weight * width + width - no), which orders
-- by weight, then name, so that one max() finds both. $most keeps the product inside 64 bits for a robot with
-- a billion events.
CREATE OR REPLACE TEMP TABLE totals AS
SELECT
    user_no,
    CAST(sum(weight) AS DOUBLE) AS weight,
    nullif(CAST(sum(dwell_s) AS DOUBLE), 0) AS dwell_s,
    nullif(CAST(sum(spend) AS DOUBLE), 0) AS spend,
    CAST(sum(n_events) AS DOUBLE) AS n_events,
    max(least(weight, CAST($most AS BIGINT)) * CAST($width AS BIGINT) + $width - no) AS heaviest,
    max(CASE WHEN spend > 0 THEN NULL ELSE least(weight, CAST($most AS BIGINT)) * CAST($width AS BIGINT) + $width - no END) AS unpaid,
    max(n_events * CAST($width AS BIGINT) + $width - no) AS commonest
FROM sums
GROUP BY user_no
