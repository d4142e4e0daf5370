-- On how many days, weeks and months a user has events of each type: how finely a timeline can be drawn.
WITH mine AS (
    SELECT event_type, coalesce(local_date, CAST(event_time AS DATE)) AS local_date
    FROM events
    WHERE user_id = $user_id AND event_time >= CAST($since AS TIMESTAMP)
),

days AS (SELECT DISTINCT event_type, local_date FROM mine),

weeks AS (SELECT DISTINCT event_type, date_trunc('week', local_date) AS week FROM days)

SELECT
    (SELECT count(*) FROM days) AS n_days,
    (SELECT count(*) FROM weeks) AS n_weeks
