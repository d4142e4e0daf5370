-- One row per wanted user in the order of its code.
SELECT
  w.code,
  u.attributes
FROM wanted AS w
LEFT JOIN users AS u ON u.user_id = w.user_id
ORDER BY w.code
