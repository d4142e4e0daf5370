-- Every day from the first to the last; a day without events is a row with zero.
WITH counted AS (
    SELECT local_date, CAST(sum(n_events) AS BIGINT) AS n_events
    FROM event_counts
    WHERE $source_id IS NULL OR source_id = $source_id
    GROUP BY local_date
),
span AS (
    SELECT min(local_date) AS first_date, max(local_date) AS last_date FROM counted
),
days AS (
    SELECT CAST(unnest(generate_series(CAST(first_date AS TIMESTAMP), CAST(last_date AS TIMESTAMP), INTERVAL 1 DAY)) AS DATE) AS local_date
    FROM span
)
SELECT d.local_date, coalesce(c.n_events, 0) AS n_events
FROM days AS d
LEFT JOIN counted AS c ON c.local_date = d.local_date
ORDER BY d.local_date
