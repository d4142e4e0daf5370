SELECT event_type, CAST(sum(n_events) AS BIGINT) AS n_events
FROM event_counts
GROUP BY event_type
ORDER BY n_events DESC, event_type
