-- One row per order that was kept: the order id where the source has one, else all purchases of one moment.
-- An order given back in full is none: all its money, or where it tells none, as many lines as it has.
CREATE TEMP TABLE orders AS
WITH placed AS (
    SELECT
        user_id,
        order_id,
        CASE WHEN order_id IS NULL THEN event_time END AS order_time,
        min(event_time) AS bought_at,
        CAST(
            CAST(epoch(coalesce(min(local_date), CAST(min(event_time) AS DATE))) AS DOUBLE) / 86400.0 AS BIGINT
        ) AS order_day,
        count(*) AS n_lines,
        CAST(sum(value) AS DECIMAL(38, 4)) AS value,
        CAST(sum(discount) AS DECIMAL(38, 4)) AS discount
    FROM seen
    WHERE event_type = 'purchase' AND event_time <= CAST($as_of AS TIMESTAMP) AND user_id IS NOT NULL
    GROUP BY user_id, order_id, CASE WHEN order_id IS NULL THEN event_time END
)
SELECT
    p.* EXCLUDE (n_lines),
    -- In time; the first is 1.
    row_number() OVER (
        PARTITION BY p.user_id ORDER BY p.order_day, p.bought_at, p.order_id, p.order_time
    ) AS order_no
FROM placed AS p
LEFT JOIN given_back AS g
    ON
        g.user_id = p.user_id
        AND g.order_id IS NOT DISTINCT FROM p.order_id
        AND g.order_time IS NOT DISTINCT FROM p.order_time
WHERE
    g.user_id IS NULL
    OR CASE WHEN p.value IS NULL THEN g.n_lines < p.n_lines ELSE p.value + g.value > 0 END
