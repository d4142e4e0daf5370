-- Users of a list, in its order, with the figures that stand beside a user everywhere.
SELECT
    p.user_id,
    p.lifecycle,
    p.rfm_segment,
    p.recency_days,
    p.n_purchases,
    p.monetary,
    p.mean_gap_days,
    p.n_events,
    p.last_event_time
FROM listed AS l
INNER JOIN profiles AS p ON p.user_id = l.user_id
ORDER BY l.place, p.user_id
