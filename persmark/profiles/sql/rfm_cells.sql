-- Users in each cell of the grid of recency and frequency scores; cells without users are left out.
SELECT r_score AS recency_score, f_score AS frequency_score, count(*) AS n_users
FROM profiles
WHERE r_score IS NOT NULL AND f_score IS NOT NULL
GROUP BY r_score, f_score
ORDER BY r_score, f_score
