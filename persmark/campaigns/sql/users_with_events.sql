-- Everybody who did anything, in the order of their ids.
SELECT DISTINCT e.user_id FROM events AS e ORDER BY e.user_id
