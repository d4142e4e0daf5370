-- Users with an event at second `one`, and a later one at second `next`, at most $most seconds after it.
-- Time is cut into spans of $width seconds, which is $most: two events of one span are near enough, and
-- between spans the last of the earlier and the first of the next one are the nearest. Over more than one
-- span none is.
SELECT user_id
FROM (
    SELECT *, lag(last_one) OVER (PARTITION BY user_id ORDER BY span) AS last_one_before
    FROM (
        SELECT
            user_id,
            CAST(floor(CAST(coalesce(one, next) AS DOUBLE) / CAST($width AS DOUBLE)) AS BIGINT) AS span,
            min(one) AS first_one,
            max(one) AS last_one,
            min(next) AS first_next,
            max(next) AS last_next
        FROM steps
        GROUP BY 1, 2
    ) AS spans
) AS beside
WHERE first_one < last_next OR first_next - last_one_before <= $most
