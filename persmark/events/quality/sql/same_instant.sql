-- Moments that hold more than their share of all events: only hours that hold as many are looked at.
WITH full_hours AS (
    SELECT local_date, local_hour
    FROM event_counts
    GROUP BY local_date, local_hour
    HAVING sum(n_events) >= $least
)
SELECT e.event_time, count(*) AS n_events
FROM events AS e
JOIN full_hours AS h ON h.local_date = e.local_date AND h.local_hour = e.local_hour
GROUP BY e.event_time
HAVING count(*) >= $least
ORDER BY n_events DESC, e.event_time
