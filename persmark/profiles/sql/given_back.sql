-- What refunds gave back of each order. A refund under the id of one of the user's orders belongs to that
-- order; any other one (a cancellation under a number of its own, a refund without order) to the latest
-- purchase before it of the same item for the same money that no other refund took. What finds no purchase
-- nets off the user's money alone.
CREATE TEMP TABLE given_back AS
WITH refunds AS (
    SELECT user_id, item_id, order_id, event_time, value
    FROM seen
    WHERE event_type = 'refund' AND event_time <= CAST($as_of AS TIMESTAMP) AND user_id IS NOT NULL
),
lines AS (
    SELECT
        e.user_id,
        e.item_id,
        e.order_id,
        CASE WHEN e.order_id IS NULL THEN e.event_time END AS order_time,
        e.event_time,
        e.value
    FROM seen AS e
    SEMI JOIN refunds AS r ON r.user_id = e.user_id
    WHERE e.event_type = 'purchase' AND e.event_time <= CAST($as_of AS TIMESTAMP)
),
loose AS (
    SELECT r.*
    FROM refunds AS r
    ANTI JOIN lines AS l ON l.user_id = r.user_id AND l.order_id = r.order_id
    WHERE r.item_id IS NOT NULL
),
-- Purchases and loose refunds of one item for one amount, as a pile: a purchase is put on it, a refund
-- takes the topmost away.
moves AS (
    SELECT l.user_id, l.item_id, coalesce(l.value, 0) AS amount, l.order_id, l.order_time, l.event_time, l.value, 1 AS step
    FROM lines AS l
    SEMI JOIN loose AS r ON r.user_id = l.user_id AND r.item_id = l.item_id
    UNION ALL
    SELECT user_id, item_id, -coalesce(value, 0), order_id, NULL, event_time, value, -1 FROM loose
),
placed AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY user_id, item_id, amount ORDER BY event_time, step DESC, order_id NULLS LAST
        ) AS place
    FROM moves
),
summed AS (
    SELECT
        *,
        CAST(sum(step) OVER (PARTITION BY user_id, item_id, amount ORDER BY place) AS BIGINT) AS total
    FROM placed
),
piled AS (
    SELECT
        *,
        -- A refund that found the pile empty leaves it empty.
        total - least(0, min(total) OVER (PARTITION BY user_id, item_id, amount ORDER BY place)) AS height
    FROM summed
),
levelled AS (
    SELECT
        *,
        CASE
            WHEN step = 1 THEN height
            ELSE lag(height, 1, 0) OVER (PARTITION BY user_id, item_id, amount ORDER BY place)
        END AS level
    FROM piled
),
taken AS (
    SELECT
        user_id,
        order_id,
        order_time,
        -value AS value,
        step = 1 AND lead(step) OVER (PARTITION BY user_id, item_id, amount, level ORDER BY place) = -1 AS gone
    FROM levelled
    WHERE level > 0
),
parts AS (
    SELECT user_id, order_id, order_time, value FROM taken WHERE gone
    UNION ALL
    SELECT r.user_id, r.order_id, NULL, r.value
    FROM refunds AS r
    SEMI JOIN lines AS l ON l.user_id = r.user_id AND l.order_id = r.order_id
)
SELECT
    user_id,
    order_id,
    order_time,
    CAST(count(*) AS BIGINT) AS n_lines,
    CAST(coalesce(sum(value), 0) AS DECIMAL(38, 4)) AS value
FROM parts
GROUP BY user_id, order_id, order_time
