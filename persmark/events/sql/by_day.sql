SELECT local_date, event_type, CAST(sum(n_events) AS BIGINT) AS n_events, CAST(sum(value) AS DOUBLE) AS value
FROM event_counts
GROUP BY local_date, event_type
ORDER BY local_date, event_type
