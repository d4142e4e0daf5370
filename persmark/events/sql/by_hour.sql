SELECT local_hour, event_type, CAST(sum(n_events) AS BIGINT) AS n_events
FROM event_counts
GROUP BY local_hour, event_type
ORDER BY local_hour, event_type
