-- Items whose id or title holds the text, those that most users have met first.
WITH met AS (
    SELECT e.item_id, count(DISTINCT e.user_id) AS n_users
    FROM events AS e
    WHERE e.item_id IS NOT NULL
    GROUP BY e.item_id
)
SELECT m.item_id, coalesce(i.title, m.item_id) AS title
FROM met AS m
LEFT JOIN items AS i ON i.item_id = m.item_id
WHERE
    contains(lower(m.item_id), lower(CAST($wanted AS VARCHAR)))
    OR contains(lower(coalesce(i.title, '')), lower(CAST($wanted AS VARCHAR)))
ORDER BY m.n_users DESC, m.item_id
LIMIT CAST($most AS BIGINT)
