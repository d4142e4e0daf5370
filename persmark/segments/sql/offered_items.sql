-- The items with most events, with what they are called.
SELECT busy.item_id, min(items.title) AS title, busy.n_events
FROM (
    SELECT item_id, count(*) AS n_events
    FROM events
    WHERE item_id IS NOT NULL
    GROUP BY item_id
    ORDER BY n_events DESC, item_id
    LIMIT $most
) AS busy
LEFT JOIN items ON items.item_id = busy.item_id
GROUP BY busy.item_id, busy.n_events
ORDER BY busy.n_events DESC, busy.item_id
