-- The snapshots that stay, then the new one; each keeps the columns that it was made with.
CREATE TABLE out.snapshots AS
SELECT *
FROM (
    SELECT * FROM snapshots WHERE list_contains($kept, snapshot_id)
    UNION ALL BY NAME
    SELECT CAST($snapshot_id AS INTEGER) AS snapshot_id, * FROM fresh
) AS s
ORDER BY snapshot_id, user_id
