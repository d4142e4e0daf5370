-- Every hour of every source; an hour without events is a row with zero.
WITH counted AS (
    SELECT source_id, local_hour, CAST(sum(n_events) AS BIGINT) AS n_events
    FROM event_counts
    GROUP BY source_id, local_hour
),
totals AS (
    SELECT source_id, CAST(sum(n_events) AS BIGINT) AS n_all FROM counted GROUP BY source_id
),
hours AS (
    SELECT t.source_id, t.n_all, CAST(h.local_hour AS INTEGER) AS local_hour
    FROM totals AS t
    CROSS JOIN (SELECT unnest(generate_series(0, 23)) AS local_hour) AS h
)
SELECT
    h.source_id,
    h.local_hour,
    coalesce(c.n_events, 0) AS n_events,
    CAST(coalesce(c.n_events, 0) AS DOUBLE) / nullif(CAST(h.n_all AS DOUBLE), 0) AS share
FROM hours AS h
LEFT JOIN counted AS c ON c.source_id = h.source_id AND c.local_hour = h.local_hour
ORDER BY h.source_id, h.local_hour
