-- Refunds before which the user neither bought that item nor placed that order.
WITH refunds AS (
    SELECT user_id, item_id, order_id, event_time FROM events WHERE event_type = 'refund'
),
bought AS (
    SELECT e.user_id, e.item_id, min(e.event_time) AS first_time
    FROM events AS e
    SEMI JOIN refunds AS r ON r.user_id = e.user_id
    WHERE e.event_type = 'purchase' AND e.item_id IS NOT NULL
    GROUP BY e.user_id, e.item_id
),
ordered AS (
    SELECT e.user_id, e.order_id, min(e.event_time) AS first_time
    FROM events AS e
    SEMI JOIN refunds AS r ON r.user_id = e.user_id
    WHERE e.event_type = 'purchase' AND e.order_id IS NOT NULL
    GROUP BY e.user_id, e.order_id
),
judged AS (
    SELECT
        r.user_id, r.item_id, r.order_id, r.event_time,
        (b.first_time IS NOT NULL AND b.first_time <= r.event_time)
            OR (o.first_time IS NOT NULL AND o.first_time <= r.event_time) AS matched
    FROM refunds AS r
    LEFT JOIN bought AS b ON b.user_id = r.user_id AND b.item_id = r.item_id
    LEFT JOIN ordered AS o ON o.user_id = r.user_id AND o.order_id = r.order_id
)
SELECT user_id, item_id, event_time, n_refunds, n_alone
FROM (
    SELECT *,
        count(*) OVER () AS n_refunds,
        count(*) FILTER (WHERE NOT matched) OVER () AS n_alone,
        row_number() OVER (ORDER BY matched, event_time, user_id, item_id, order_id) AS place
    FROM judged
)
WHERE place <= 5 AND (place = 1 OR NOT matched)
ORDER BY place
