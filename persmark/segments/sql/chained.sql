-- Of each event of the next step, the start of the latest chain that was there before it: starts never come
-- earlier as chains go on, and chains that reach the same second have the same start.
SELECT following.user_id, following.second, before.started
FROM step AS following
ASOF JOIN chain AS before
    ON following.user_id = before.user_id AND following.second > before.second
WHERE following.second - before.started <= $most
