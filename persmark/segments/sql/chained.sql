-- Of each event that fits the next step, the latest start of a chain of the steps before it.
-- Places are even for the next step and odd for the chain, so that events of one second do not follow
-- each other.
SELECT user_id, second, started
FROM (
    SELECT
        user_id,
        second,
        is_next,
        max(started) OVER (PARTITION BY user_id ORDER BY place) AS started
    FROM (
        SELECT user_id, second, started, 2 * second + 1 AS place, false AS is_next FROM chain
        UNION ALL
        SELECT user_id, second, NULL AS started, 2 * second AS place, true AS is_next FROM step
    ) AS placed
) AS following
WHERE is_next AND started IS NOT NULL AND second - started <= $most
