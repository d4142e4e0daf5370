SELECT currency, count(*) AS n_events
FROM events
WHERE value IS NOT NULL AND currency IS NOT NULL
GROUP BY currency
ORDER BY n_events DESC, currency
