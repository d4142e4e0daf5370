-- What is predicted for one user.
SELECT target, score, low, high FROM predictions WHERE user_id = $user_id ORDER BY target
