-- Some users with their figures at two moments; one of them may not know the user.
SELECT
    w.user_id,
    f.lifecycle AS lifecycle_before,
    s.lifecycle AS lifecycle_after,
    f.rfm_segment AS rfm_segment_before,
    s.rfm_segment AS rfm_segment_after,
    f.recency_days AS recency_days_before,
    s.recency_days AS recency_days_after,
    f.n_purchases AS n_purchases_before,
    s.n_purchases AS n_purchases_after,
    f.monetary AS monetary_before,
    s.monetary AS monetary_after
FROM wanted AS w
LEFT JOIN first AS f ON f.user_id = w.user_id
LEFT JOIN second AS s ON s.user_id = w.user_id
ORDER BY md5(w.user_id), w.user_id
LIMIT CAST($most AS BIGINT)
