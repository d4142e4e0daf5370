-- How much there is of each type of a user's events: what decides how finely a timeline can be drawn.
WITH mine AS (
    SELECT
        event_type,
        event_time,
        value,
        order_id,
        coalesce(local_date, CAST(event_time AS DATE)) AS local_date
    FROM events
    WHERE user_id = $user_id AND event_time >= CAST($since AS TIMESTAMP)
)

SELECT
    event_type,
    count(*) AS n_events,
    count(DISTINCT concat(CAST(event_time AS VARCHAR), ' ', coalesce(order_id, ''))) AS n_moments,
    count(DISTINCT local_date) AS n_days,
    count(DISTINCT date_trunc('week', local_date)) AS n_weeks,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    CAST(sum(value) AS DECIMAL(38, 4)) AS value
FROM mine
GROUP BY event_type
ORDER BY event_type
