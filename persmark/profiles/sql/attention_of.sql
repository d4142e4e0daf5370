-- One user's attention.
SELECT dimension, name, n_events, attention_share, dwell_share, spend_share
FROM attention
WHERE user_id = $user_id
ORDER BY dimension, attention_share DESC, name
