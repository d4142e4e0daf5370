CREATE TEMP TABLE typed AS
SELECT
    line, n_lines,
    nullif(trim(item_id), '') AS item_id,
    coalesce(nullif(lower(trim(kind)), ''), 'product') AS kind,
    nullif(trim(title), '') AS title,
    nullif(trim(regexp_replace(category_path, '\s*[>|]\s*', ' / ', 'g')), '') AS category_path,
    nullif(trim(brand), '') AS brand,
    number_of(price, $decimal) AS price,
    nullif(trim(currency), '') AS currency,
    nullif(text, '') AS text,
    nullif(trim(image), '') AS image,
    nullif(rest, '{}') AS attributes,
    CASE
        WHEN nullif(trim(item_id), '') IS NULL THEN 'no_item'
        WHEN coalesce(nullif(lower(trim(kind)), ''), 'product') NOT IN (SELECT unnest($kinds)) THEN 'bad_kind'
        WHEN nullif(trim(price), '') IS NOT NULL AND number_of(price, $decimal) IS NULL THEN 'bad_price'
    END AS reason,
    CASE
        WHEN coalesce(nullif(lower(trim(kind)), ''), 'product') NOT IN (SELECT unnest($kinds)) THEN kind
        WHEN nullif(trim(price), '') IS NOT NULL AND number_of(price, $decimal) IS NULL THEN price
        ELSE ''
    END AS detail
FROM stage
