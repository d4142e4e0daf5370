-- Users whose id holds the text; those that begin with it first.
SELECT user_id, n_events, n_purchases, monetary, recency_days, rfm_segment, lifecycle
FROM profiles
WHERE contains(user_id, $wanted)
ORDER BY CASE WHEN starts_with(user_id, $wanted) THEN 0 ELSE 1 END, user_id
LIMIT $most
