-- From when to when there is behaviour, and how many users. A mailing before the first purchase is no history:
-- windows would be taken for longer than they are.
SELECT
    min(event_time) FILTER (event_type NOT IN ('campaign_received', 'impression')) AS begun,
    max(event_time) AS newest,
    count(DISTINCT user_id) AS n_users
FROM events
