-- What one range of users gave each category (or brand, ...): events, decayed weight, seconds, money.
-- One range of users at a time: their sums fit a processor's cache, all sums at once would not.
CREATE OR REPLACE TEMP TABLE sums AS
SELECT
    user_no,
    "dimension_no" AS no,
    CAST(count(*) AS INTEGER) AS n_events,
    CAST(sum(weight) AS BIGINT) AS weight,
    CAST(sum(dwell_s) AS BIGINT) AS dwell_s,
    CAST(sum(spend) AS DECIMAL(38, 4)) AS spend
FROM touches
WHERE user_no >= $first_user AND user_no < $past_user AND "dimension_no" > 0
GROUP BY user_no, "dimension_no"
