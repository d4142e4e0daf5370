-- How each cell of users spreads its attention and money over the names of one dimension: sums over
-- users of their shares, of the squares and the cubes. A user without a name has a share of 0 of it.
SELECT
    m.cell,
    a.name,
    count(*) FILTER (WHERE a.attention_share > 0) AS n_attending,
    sum(a.attention_share) AS attention,
    sum(pow(a.attention_share, 2)) AS attention_squares,
    sum(pow(a.attention_share, 3)) AS attention_cubes,
    count(*) FILTER (WHERE a.spend_share > 0) AS n_spending,
    sum(a.spend_share) AS spend,
    sum(pow(a.spend_share, 2)) AS spend_squares,
    sum(pow(a.spend_share, 3)) AS spend_cubes
FROM attention AS a
INNER JOIN cells AS m ON m.user_id = a.user_id
WHERE a.dimension = $dimension
GROUP BY m.cell, a.name
ORDER BY m.cell, a.name
