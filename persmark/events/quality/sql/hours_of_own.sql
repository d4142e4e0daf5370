-- What users themselves did, by source and local hour.
SELECT source_id, local_hour, CAST(sum(n_events) AS BIGINT) AS n_events
FROM event_counts
WHERE event_type NOT IN ('campaign_received', 'impression')
GROUP BY source_id, local_hour
ORDER BY source_id, local_hour
