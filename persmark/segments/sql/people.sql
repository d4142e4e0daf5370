-- One row per profile: what the figures of a segment are summed from.
SELECT
    user_id,
    CAST(monetary AS DOUBLE) AS money,
    CAST(coalesce(n_purchases, 0) AS BIGINT) AS n_purchases,
    CAST(epoch(as_of) - epoch(last_purchase_time) AS DOUBLE) AS bought_seconds,
    CAST(epoch(as_of) - epoch(first_event_time) AS DOUBLE) AS known_seconds
FROM profiles
ORDER BY user_id
