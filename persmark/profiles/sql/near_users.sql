-- Users whose id is like a text: it holds it in other case, or is one or two letters away; where there are
-- too few of those, the ids that stand beside it in order.
WITH alike AS (
    SELECT
        user_id,
        CASE WHEN contains(lower(user_id), lower($wanted)) THEN 0 ELSE levenshtein(lower(user_id), lower($wanted)) END
            AS apart
    FROM profiles
    WHERE
        contains(lower(user_id), lower($wanted))
        OR (abs(length(user_id) - length($wanted)) <= 2 AND levenshtein(lower(user_id), lower($wanted)) <= 2)
),

before AS (
    SELECT user_id, 10 AS apart
    FROM profiles
    WHERE user_id <= $wanted
    ORDER BY user_id DESC
    LIMIT $beside
),

behind AS (
    SELECT user_id, 10 AS apart
    FROM profiles
    WHERE user_id > $wanted
    ORDER BY user_id
    LIMIT $beside
)

SELECT user_id, min(apart) AS apart
FROM (
    SELECT user_id, apart FROM alike
    UNION ALL
    SELECT user_id, apart FROM before
    UNION ALL
    SELECT user_id, apart FROM behind
) AS found
GROUP BY user_id
ORDER BY min(apart), user_id
LIMIT $most
