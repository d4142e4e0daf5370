-- One row of codes per event, users and items by their place in the vocabularies. Each refund takes
-- away the latest purchase of the same user and item that is not later than the last refund.
WITH picked AS (
  SELECT
    u.code AS user_code,
    i.code AS item_code,
    CAST(epoch(date_trunc('second', e.event_time)) AS BIGINT) AS event_second,
    w.weight,
    w.code AS type_code,
    e.event_type
  FROM events AS e
  JOIN wanted AS u ON u.user_id = e.user_id
  JOIN wanted_items AS i ON i.item_id = e.item_id
  JOIN event_weights AS w ON w.event_type = e.event_type
  WHERE ($before IS NULL OR e.event_time < CAST($before AS TIMESTAMP))
    AND ($since IS NULL OR e.event_time >= CAST($since AS TIMESTAMP))
),
refunds AS (
  SELECT
    u.code AS user_code,
    i.code AS item_code,
    COUNT(*) AS n_refunds,
    CAST(epoch(date_trunc('second', MAX(e.event_time))) AS BIGINT) AS last_second
  FROM events AS e
  JOIN wanted AS u ON u.user_id = e.user_id
  JOIN wanted_items AS i ON i.item_id = e.item_id
  WHERE e.event_type = $refund
    AND ($before IS NULL OR e.event_time < CAST($before AS TIMESTAMP))
    AND ($since IS NULL OR e.event_time >= CAST($since AS TIMESTAMP))
  GROUP BY u.code, i.code
),
refundable AS (
  SELECT
    p.*,
    r.n_refunds,
    ROW_NUMBER() OVER (
      PARTITION BY p.user_code, p.item_code
      ORDER BY p.event_second DESC, p.weight DESC
    ) AS from_last
  FROM picked AS p
  JOIN refunds AS r ON r.user_code = p.user_code AND r.item_code = p.item_code
  WHERE p.event_type = $purchase AND p.event_second <= r.last_second
),
kept AS (
  SELECT p.user_code, p.item_code, p.event_second, p.weight, p.type_code
  FROM picked AS p
  LEFT JOIN refunds AS r ON r.user_code = p.user_code AND r.item_code = p.item_code
  WHERE r.user_code IS NULL OR p.event_type <> $purchase OR p.event_second > r.last_second
  UNION ALL
  SELECT f.user_code, f.item_code, f.event_second, f.weight, f.type_code
  FROM refundable AS f
  WHERE f.from_last > f.n_refunds
)
SELECT user_code, item_code, event_second, weight, type_code
FROM kept
ORDER BY user_code, event_second, item_code, type_code
