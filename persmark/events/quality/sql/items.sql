-- Items that events name, beside those of the catalogue.
WITH per_item AS (
    SELECT item_id, count(*) AS n_events FROM events WHERE item_id IS NOT NULL GROUP BY item_id
),
known AS (
    SELECT DISTINCT item_id FROM items
)
SELECT
    count(p.item_id) AS n_items,
    count(*) FILTER (WHERE p.n_events = 1) AS n_once,
    count(k.item_id) AS n_known,
    count(*) FILTER (WHERE k.item_id IS NOT NULL AND p.item_id IS NULL) AS n_without_events,
    count(*) FILTER (WHERE k.item_id IS NULL) AS n_unknown,
    CAST(coalesce(sum(p.n_events), 0) AS BIGINT) AS n_events,
    CAST(coalesce(sum(p.n_events) FILTER (WHERE k.item_id IS NULL), 0) AS BIGINT) AS n_events_unknown,
    min(p.item_id) FILTER (WHERE k.item_id IS NULL) AS an_unknown,
    min(k.item_id) FILTER (WHERE p.item_id IS NULL) AS an_unused
FROM per_item AS p
FULL OUTER JOIN known AS k ON k.item_id = p.item_id
