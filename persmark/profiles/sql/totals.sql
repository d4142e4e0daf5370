-- Of each user of that range, over all categories (or brands, ...).
CREATE OR REPLACE TEMP TABLE totals AS
SELECT
    user_no,
    CAST(sum(weight) AS DOUBLE) AS weight,
    nullif(CAST(sum(dwell_s) AS DOUBLE), 0) AS dwell_s,
    nullif(CAST(sum(spend) AS DOUBLE), 0) AS spend
FROM sums
GROUP BY user_no
