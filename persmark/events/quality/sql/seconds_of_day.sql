-- The commonest time of day of each source, to the second.
SELECT source_id, second_of_day, n_events
FROM (
    SELECT *, row_number() OVER (PARTITION BY source_id ORDER BY n_events DESC, second_of_day) AS place
    FROM (
        SELECT
            source_id,
            local_hour * 3600 + CAST(epoch(event_time) AS BIGINT) % 3600 AS second_of_day,
            count(*) AS n_events
        FROM events
        GROUP BY source_id, local_hour * 3600 + CAST(epoch(event_time) AS BIGINT) % 3600
    )
)
WHERE place = 1
ORDER BY source_id
