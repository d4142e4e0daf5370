-- A user without an id, or with one that names nobody, is who their e-mail, phone or device says.
CREATE TEMP TABLE typed AS
WITH known AS (
    SELECT
        *,
        nullif(trim(user_id), '') AS own,
        CASE WHEN NOT regexp_full_match(trim(key_user_id), $blocked) THEN trim(key_user_id) END AS of_user_id,
        CASE WHEN NOT regexp_full_match(trim(key_email), $blocked) THEN lower(trim(key_email)) END AS of_email,
        CASE WHEN NOT regexp_full_match(trim(key_phone), $blocked) THEN trim(key_phone) END AS of_phone,
        CASE WHEN NOT regexp_full_match(trim(key_device), $blocked) THEN trim(key_device) END AS of_device
    FROM stage
)
SELECT
    line, n_lines,
    CASE WHEN regexp_full_match(coalesce(own, ''), $blocked) THEN coalesce(of_user_id, of_email, of_phone, of_device, own)
        ELSE own END AS user_id,
    CASE WHEN NOT regexp_full_match(coalesce(own, ''), $blocked) THEN ''
        WHEN of_user_id IS NOT NULL THEN 'user_id'
        WHEN of_email IS NOT NULL THEN 'email'
        WHEN of_phone IS NOT NULL THEN 'phone'
        WHEN of_device IS NOT NULL THEN 'device'
        ELSE '' END AS user_from,
    key_user_id, key_email, key_phone, key_device,
    nullif(rest, '{}') AS attributes,
    CASE WHEN coalesce(own, of_user_id, of_email, of_phone, of_device) IS NULL THEN 'no_user' END AS reason,
    '' AS detail
FROM known
