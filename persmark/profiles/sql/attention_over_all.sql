-- Means over users in one dimension. A user without a row for a name gives it nothing.
WITH chosen AS (
    SELECT
        r.user_no,
        n.name,
        CAST(r.attention_billionths AS BIGINT) AS attention,
        CAST(r.dwell_billionths AS BIGINT) AS dwell,
        CAST(r.spend_billionths AS BIGINT) AS spend
    FROM attention_rows AS r
    INNER JOIN attention_names AS n ON n.name_no = r.name_no
    WHERE n.dimension = $dimension
),
added AS (
    SELECT
        name,
        count(*) AS n_users,
        count(spend) AS n_spenders,
        count(*) FILTER (WHERE spend <= 0) AS n_without_spend,
        CAST(sum(attention) AS DOUBLE) / 1000000000.0 AS attention,
        CAST(sum(attention) FILTER (WHERE spend IS NOT NULL) AS DOUBLE) / 1000000000.0 AS of_spenders,
        CAST(sum(dwell) AS DOUBLE) / 1000000000.0 AS dwell,
        CAST(sum(spend) AS DOUBLE) / 1000000000.0 AS spend
    FROM chosen
    GROUP BY name
),
-- Shares of one user sum to 1: their sums over all names count the users who have any.
everybody AS (
    SELECT
        nullif(sum(attention), 0) AS attention,
        nullif(sum(of_spenders), 0) AS of_spenders,
        nullif(sum(dwell), 0) AS dwell,
        nullif(sum(spend), 0) AS spend
    FROM added
)
SELECT
    a.name,
    a.n_users,
    a.n_spenders,
    a.n_without_spend,
    a.attention / e.attention AS attention_share,
    a.of_spenders / e.of_spenders AS spenders_attention_share,
    coalesce(a.dwell, 0) / e.dwell AS dwell_share,
    coalesce(a.spend, 0) / e.spend AS spend_share,
    coalesce(a.of_spenders, 0) / e.of_spenders - coalesce(a.spend, 0) / e.spend AS gap
FROM added AS a
CROSS JOIN everybody AS e
ORDER BY attention_share DESC, name
