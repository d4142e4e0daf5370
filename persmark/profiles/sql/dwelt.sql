-- How long each user dwelt upon what they looked at.
CREATE TEMP TABLE dwelt AS
SELECT user_no, CAST(sum(dwell_s) AS DOUBLE) AS seconds, CAST(count(*) AS DOUBLE) AS n_dwelt
FROM touches
WHERE dwell_s IS NOT NULL
GROUP BY user_no
