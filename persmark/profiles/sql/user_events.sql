-- One page of a user's events, newest first, with what the items are called.
WITH mine AS (
    SELECT *
    FROM events
    WHERE
        user_id = $user_id
        AND ($event_type IS NULL OR event_type = $event_type)
        AND event_time >= CAST($since AS TIMESTAMP)
        AND event_time < CAST($until AS TIMESTAMP)
    ORDER BY event_time DESC, event_type, item_id, order_id, repeat_no
    LIMIT $most OFFSET $skip
)

SELECT
    e.event_time,
    e.event_type,
    e.item_id,
    i.title,
    i.category,
    i.brand,
    e.value,
    e.currency,
    e.quantity,
    e.discount,
    e.order_id,
    e.channel,
    e.campaign_id
FROM mine AS e
LEFT JOIN items AS i ON i.item_id = e.item_id
ORDER BY e.event_time DESC, e.event_type, e.item_id, e.order_id, e.repeat_no
