-- Who bought what of the asked categories in the $days days after $as_of.
WITH things AS (
    SELECT i.item_id, t.thing_no
    FROM items AS i
    INNER JOIN things_asked AS t ON t.thing = CASE WHEN $by_item THEN i.item_id ELSE i.category END
)
SELECT DISTINCT e.user_id, t.thing_no
FROM events AS e
INNER JOIN things AS t ON t.item_id = e.item_id
WHERE
    e.event_type = 'purchase'
    AND e.event_time > CAST($as_of AS TIMESTAMP)
    AND CAST(epoch(e.event_time) AS BIGINT) <= CAST(epoch(CAST($as_of AS TIMESTAMP)) AS BIGINT) + 86400 * CAST($days AS BIGINT)
    AND md5(e.user_id) < $below
ORDER BY e.user_id, t.thing_no
