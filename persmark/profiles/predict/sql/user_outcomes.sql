-- What users did in the $days days after $as_of; a user who did nothing has no row.
SELECT
    user_id,
    count(*) FILTER (event_type = 'purchase') AS n_lines,
    CAST(coalesce(sum(value) FILTER (event_type IN ('purchase', 'refund')), 0) AS DOUBLE) AS money,
    CAST(min(CAST(epoch(event_time) AS BIGINT) - CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT))
        FILTER (event_type = 'purchase') AS DOUBLE) / 86400.0 AS days_until
FROM events
WHERE
    event_time > CAST($as_of AS TIMESTAMP)
    AND CAST(epoch(event_time) AS BIGINT) <= CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) + 86400 * CAST($days AS BIGINT)
    AND md5(user_id) < $below
GROUP BY user_id
ORDER BY user_id
