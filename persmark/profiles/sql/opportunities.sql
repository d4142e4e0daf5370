-- For each category, the spenders whose most attended category without spend it is.
SELECT
    opportunity_category AS name,
    count(*) AS n_users,
    CAST(sum(opportunity_share) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS mean_attention_share
FROM profiles
WHERE opportunity_category IS NOT NULL
GROUP BY opportunity_category
ORDER BY n_users DESC, name
