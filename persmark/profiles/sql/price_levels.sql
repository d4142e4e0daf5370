-- How dear the items are that each user buys: of all users, as it depends on the prices of the other items.
CREATE TEMP TABLE price_levels AS
SELECT e.user_id, CAST(sum(i.dearness) AS DOUBLE) / (1000000.0 * CAST(count(*) AS DOUBLE)) AS price_level
FROM seen_all AS e
INNER JOIN item_numbers AS i ON i.item_id = e.item_id AND i.dearness IS NOT NULL
WHERE
    e.event_type = 'purchase'
    AND e.event_time <= CAST($as_of AS TIMESTAMP)
    AND e.user_id IS NOT NULL
GROUP BY e.user_id
