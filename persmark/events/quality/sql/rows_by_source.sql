-- One pass over all events: what can be said of each row alone, by source.
SELECT
    e.source_id,
    count(*) AS n_events,
    count(*) FILTER (WHERE e.event_time > l.loaded_at) AS n_future,
    count(*) FILTER (WHERE e.event_time < TIMESTAMP '2000-01-01 00:00:00') AS n_before_2000,
    count(*) FILTER (WHERE e.repeat_no > 0) AS n_repeats,
    count(*) FILTER (WHERE (e.value < 0 OR e.quantity < 0) AND e.event_type <> 'refund') AS n_negative,
    count(*) FILTER (WHERE e.event_type IN ('view', 'click', 'cart', 'purchase', 'refund', 'impression', 'like', 'share', 'wishlist', 'remove_from_cart', 'rating')) AS of_item_id,
    count(e.item_id) FILTER (WHERE e.event_type IN ('view', 'click', 'cart', 'purchase', 'refund', 'impression', 'like', 'share', 'wishlist', 'remove_from_cart', 'rating')) AS has_item_id,
    count(*) FILTER (WHERE e.event_type IN ('purchase', 'refund')) AS of_sale,
    count(e.value) FILTER (WHERE e.event_type IN ('purchase', 'refund')) AS has_value,
    count(e.quantity) FILTER (WHERE e.event_type IN ('purchase', 'refund')) AS has_quantity,
    count(e.order_id) FILTER (WHERE e.event_type IN ('purchase', 'refund')) AS has_order_id,
    count(e.currency) FILTER (WHERE e.event_type IN ('purchase', 'refund')) AS has_currency,
    count(e.channel) AS has_channel
FROM events AS e
LEFT JOIN loads AS l ON l.source_id = e.source_id
GROUP BY e.source_id
ORDER BY e.source_id
