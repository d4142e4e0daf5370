-- What predictions are published.
SELECT target
FROM predictions
GROUP BY target
ORDER BY target
