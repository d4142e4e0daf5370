-- Each person who came under several ids, with all of them and the events of each as they came.
WITH ids AS (
    SELECT source_user_id, user_id, reason FROM identities
    WHERE $user_id IS NULL OR user_id = $user_id
    UNION ALL
    SELECT DISTINCT user_id, user_id, '' FROM identities
    WHERE $user_id IS NULL OR user_id = $user_id
),
came AS (
    SELECT user_id, count(*) AS n_events
    FROM (
        SELECT user_id FROM events WHERE coalesce(by_rule, 0) = 0
        UNION ALL
        SELECT user_id FROM originals
    )
    WHERE user_id IN (SELECT source_user_id FROM ids)
    GROUP BY user_id
),
counted AS (
    SELECT
        i.user_id, i.source_user_id, i.reason,
        coalesce(c.n_events, 0) AS n_events,
        count(*) OVER (PARTITION BY i.user_id) AS n_ids,
        CAST(sum(coalesce(c.n_events, 0)) OVER (PARTITION BY i.user_id) AS BIGINT) AS of_person,
        CAST(sum(CASE WHEN i.source_user_id <> i.user_id THEN coalesce(c.n_events, 0) ELSE 0 END)
            OVER (PARTITION BY i.user_id) AS BIGINT) AS moved
    FROM ids AS i
    LEFT JOIN came AS c ON c.user_id = i.source_user_id
),
ranked AS (
    SELECT *, dense_rank() OVER (ORDER BY of_person DESC, user_id) AS place
    FROM counted
    WHERE moved > 0
)
SELECT user_id, source_user_id, reason, n_events, n_ids
FROM ranked
WHERE place <= $limit
ORDER BY place, source_user_id <> user_id, n_events DESC, source_user_id
