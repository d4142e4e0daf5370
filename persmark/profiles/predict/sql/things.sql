-- The categories (or items, where no item has a category) that the most users bought up to $as_of.
SELECT
    CASE WHEN $by_item THEN i.item_id ELSE i.category END AS thing,
    min(CASE WHEN $by_item THEN coalesce(i.title, i.item_id) ELSE i.category END) AS title,
    count(DISTINCT e.user_id) AS n_users
FROM events AS e
INNER JOIN items AS i ON i.item_id = e.item_id
WHERE
    e.event_type = 'purchase'
    AND e.event_time <= CAST($as_of AS TIMESTAMP)
    AND CAST(epoch(e.event_time) AS BIGINT) > CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) - 86400 * CAST($days AS BIGINT)
    AND CASE WHEN $by_item THEN i.item_id ELSE i.category END IS NOT NULL
GROUP BY 1
ORDER BY n_users DESC, thing
LIMIT $most
