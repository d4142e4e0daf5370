-- The most common keys of the users' JSON attributes; equal counts go by name.
WITH keys AS (
    SELECT unnest(json_keys(attributes)) AS attribute
    FROM users
    WHERE json_valid(attributes)
)
SELECT attribute, count(*) AS n_users
FROM keys
GROUP BY attribute
ORDER BY n_users DESC, attribute
LIMIT $max_attributes
