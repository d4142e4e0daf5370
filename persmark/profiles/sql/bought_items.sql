-- How many different items each user has bought.
CREATE TEMP TABLE bought_items AS
WITH pairs AS (
    SELECT user_id, item_id
    FROM seen
    WHERE event_type = 'purchase' AND item_id IS NOT NULL AND event_time <= CAST($as_of AS TIMESTAMP)
    GROUP BY user_id, item_id
)
SELECT user_id, count(*) AS n_items FROM pairs GROUP BY user_id
