-- Of each event of the next step, the latest start of a chain of the steps before it: starts never come
-- earlier as chains go on, so that it is the last one so far.
-- Places are even for the next step and odd for the chain, so that events of one second do not follow
-- each other; rows of one place are all of one sort, so that their order changes nothing.
SELECT user_id, second, started
FROM (
    SELECT
        user_id,
        second,
        is_next,
        last_value(started IGNORE NULLS) OVER (
            PARTITION BY user_id ORDER BY place, started ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS started
    FROM (
        SELECT user_id, second, started, 2 * second + 1 AS place, false AS is_next FROM chain
        UNION ALL
        SELECT user_id, second, NULL AS started, 2 * second AS place, true AS is_next FROM step
    ) AS placed
) AS following
WHERE is_next AND started IS NOT NULL AND second - started <= $most
