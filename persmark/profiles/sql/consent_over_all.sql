-- Of the users with a profile, how many said what, by purpose; who was never asked is unknown.
SELECT
    p.purpose,
    count(*) FILTER (WHERE c.state = 'granted') AS granted,
    count(*) FILTER (WHERE c.state = 'denied') AS denied,
    count(*) FILTER (WHERE c.state IS NULL OR c.state NOT IN ('granted', 'denied')) AS unknown
FROM profiles AS u
CROSS JOIN purposes AS p
LEFT JOIN consents AS c ON c.user_id = u.user_id AND c.purpose = p.purpose
GROUP BY p.purpose, p.place
ORDER BY p.place
