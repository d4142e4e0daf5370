-- The users behind one count of `flow`.
SELECT coalesce(f.user_id, s.user_id) AS user_id
FROM first AS f
FULL OUTER JOIN second AS s ON s.user_id = f.user_id
WHERE CASE WHEN f.user_id IS NULL THEN $new ELSE coalesce(CAST(f.value AS VARCHAR), $none) END = $origin
    AND CASE WHEN s.user_id IS NULL THEN $gone ELSE coalesce(CAST(s.value AS VARCHAR), $none) END = $target
ORDER BY 1
