-- Additive counts, so that no page scans events.
CREATE OR REPLACE TABLE out.event_counts AS
SELECT local_date, local_hour, event_type, source_id, count(*) AS n_events, CAST(sum(value) AS DECIMAL(38,4)) AS value
FROM out.events
GROUP BY local_date, local_hour, event_type, source_id
ORDER BY local_date, local_hour, event_type, source_id
