CREATE TEMP TABLE typed AS
SELECT
    line, n_lines,
    nullif(trim(user_id), '') AS user_id,
    nullif(rest, '{}') AS attributes,
    CASE WHEN nullif(trim(user_id), '') IS NULL THEN 'no_user' END AS reason,
    '' AS detail
FROM stage
