-- From group to group between two moments: every user of either is counted once.
WITH moved AS (
    SELECT
        CASE WHEN f.user_id IS NULL THEN $new ELSE coalesce(CAST(f.value AS VARCHAR), $none) END AS origin,
        CASE WHEN s.user_id IS NULL THEN $gone ELSE coalesce(CAST(s.value AS VARCHAR), $none) END AS target
    FROM first AS f
    FULL OUTER JOIN second AS s ON s.user_id = f.user_id
)
SELECT origin, target, count(*) AS n_users
FROM moved
GROUP BY origin, target
ORDER BY n_users DESC, origin, target
