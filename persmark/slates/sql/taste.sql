-- Share of each category in what the wanted users did, recency-decayed, meaned over the users.
WITH weighed AS (
  SELECT
    e.user_id,
    i.category,
    SUM(
      w.weight * POWER(
        CAST(0.5 AS DOUBLE),
        CAST($as_of_second - epoch(date_trunc('second', e.event_time)) AS DOUBLE) / $half_life_seconds
      )
    ) AS weight
  FROM events AS e
  JOIN wanted AS u ON u.user_id = e.user_id
  JOIN event_weights AS w ON w.event_type = e.event_type
  JOIN items AS i ON i.item_id = e.item_id
  WHERE i.category IS NOT NULL AND e.event_time <= CAST($as_of AS TIMESTAMP)
  GROUP BY e.user_id, i.category
),
total AS (
  SELECT user_id, SUM(weight) AS weight FROM weighed GROUP BY user_id
)
SELECT
  g.category,
  SUM(CASE WHEN t.weight > 0 THEN g.weight / t.weight ELSE 0.0 END) / CAST($n_users AS DOUBLE) AS share
FROM weighed AS g
JOIN total AS t ON t.user_id = g.user_id
GROUP BY g.category
ORDER BY g.category
