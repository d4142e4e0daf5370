-- The users with the highest scores of one target; equal ones by id.
SELECT user_id, score, low, high FROM predictions WHERE target = $target ORDER BY score DESC, user_id LIMIT $most
