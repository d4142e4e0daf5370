-- Users of each cell who attend to anything of a dimension, and who spend on anything of it.
WITH summed AS (
    SELECT user_id, sum(coalesce(attention_share, 0)) AS attention, sum(coalesce(spend_share, 0)) AS spend
    FROM attention
    WHERE dimension = $dimension
    GROUP BY user_id
)
SELECT
    m.cell,
    count(*) FILTER (WHERE s.attention > 0) AS n_attending,
    count(*) FILTER (WHERE s.spend > 0) AS n_spending
FROM summed AS s
INNER JOIN cells AS m ON m.user_id = s.user_id
GROUP BY m.cell
ORDER BY m.cell
