SELECT * EXCLUDE (snapshot_id)
FROM snapshots
WHERE snapshot_id = $snapshot_id
ORDER BY user_id
