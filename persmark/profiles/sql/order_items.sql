-- Which different items each kept order held, and whether the user had bought them before.
CREATE TEMP TABLE order_items AS
WITH lines AS (
    SELECT e.user_id, o.order_no, e.item_id
    FROM seen AS e
    INNER JOIN orders AS o
        ON
            o.user_id = e.user_id
            AND o.order_id IS NOT DISTINCT FROM e.order_id
            AND (e.order_id IS NOT NULL OR o.order_time = e.event_time)
    WHERE
        e.event_type = 'purchase'
        AND e.item_id IS NOT NULL
        AND e.event_time <= CAST($as_of AS TIMESTAMP)
    GROUP BY e.user_id, o.order_no, e.item_id
),
told AS (
    SELECT
        *,
        min(order_no) OVER (PARTITION BY user_id, item_id) AS first_no,
        max(order_no) OVER (PARTITION BY user_id) AS last_no
    FROM lines
)
SELECT
    user_id,
    count(*) AS n_pairs,
    count(*) FILTER (WHERE order_no > 1) AS n_later,
    count(*) FILTER (WHERE order_no > first_no) AS n_again,
    count(*) FILTER (WHERE order_no > 1 AND order_no > last_no - $novelty_orders) AS n_latest,
    count(*) FILTER (
        WHERE order_no > 1 AND order_no > last_no - $novelty_orders AND order_no = first_no
    ) AS n_new,
    CAST(count(DISTINCT order_no) AS BIGINT) AS n_orders
FROM told
GROUP BY user_id
