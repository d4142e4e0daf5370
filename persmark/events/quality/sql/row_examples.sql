-- A few rows of each kind that a person should see, the first in time.
SELECT what, user_id, event_type, event_time, value, quantity
FROM (
    SELECT
        k.what, k.user_id, k.event_type, k.event_time, k.value, k.quantity,
        row_number() OVER (PARTITION BY k.what ORDER BY k.event_time, k.user_id, k.event_type, k.item_id, k.value, k.quantity) AS place
    FROM (
        SELECT
            CASE
                WHEN e.event_time > l.loaded_at THEN 'future'
                WHEN e.event_time < TIMESTAMP '2000-01-01 00:00:00' THEN 'before_2000'
                WHEN (e.value < 0 OR e.quantity < 0) AND e.event_type <> 'refund' THEN 'negative'
                WHEN e.repeat_no > 0 THEN 'repeats'
            END AS what,
            e.user_id, e.event_type, e.event_time, e.value, e.quantity, e.item_id
        FROM events AS e
        LEFT JOIN loads AS l ON l.source_id = e.source_id
        WHERE e.event_time > l.loaded_at OR e.event_time < TIMESTAMP '2000-01-01 00:00:00'
            OR ((e.value < 0 OR e.quantity < 0) AND e.event_type <> 'refund') OR e.repeat_no > 0
    ) AS k
)
WHERE place <= 5
ORDER BY what, place
