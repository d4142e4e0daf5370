-- The shares of one range of users in one dimension, in whole billionths.
INSERT INTO out.attention_rows
SELECT
    s.user_no,
    CAST($before AS INTEGER) + s.no AS name_no,
    s.n_events,
    CAST(round(1000000000 * CAST(s.weight AS DOUBLE) / t.weight) AS INTEGER) AS attention_billionths,
    CAST(round(1000000000 * CAST(coalesce(s.dwell_s, 0) AS DOUBLE) / t.dwell_s) AS INTEGER) AS dwell_billionths,
    CAST(round(1000000000 * CAST(coalesce(s.spend, 0) AS DOUBLE) / t.spend) AS INTEGER) AS spend_billionths
FROM sums AS s
INNER JOIN totals AS t ON t.user_no = s.user_no
