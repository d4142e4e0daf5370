-- Staged text becomes typed events; a row that cannot carries the reason instead.
CREATE TEMP TABLE typed AS
-- Where the user is blank or names nobody, the row's other user id, e-mail, phone or device says who it is.
WITH known AS (
    SELECT
        *,
        nullif(trim(user_id), '') AS own,
        regexp_full_match(coalesce(trim(user_id), ''), $blocked) AS nobody,
        CASE WHEN NOT regexp_full_match(trim(key_user_id), $blocked) THEN trim(key_user_id) END AS of_user_id,
        CASE WHEN NOT regexp_full_match(trim(key_email), $blocked) THEN lower(trim(key_email)) END AS of_email,
        CASE WHEN NOT regexp_full_match(trim(key_phone), $blocked) THEN trim(key_phone) END AS of_phone,
        CASE WHEN NOT regexp_full_match(trim(key_device), $blocked) THEN trim(key_device) END AS of_device
    FROM stage
),
numbered AS (
    SELECT
        *,
        TRY_CAST(event_time AS DOUBLE) AS written
    FROM known
),
-- A number of microseconds that no calendar shows (past the year 2286 either way) is no time.
clocked AS (
    SELECT
        *,
        CASE
            WHEN $time_format = 'epoch_s' AND abs(written) < 1e10 THEN CAST(written * 1000000 AS BIGINT)
            WHEN $time_format = 'epoch_ms' AND abs(written) < 1e13 THEN CAST(written * 1000 AS BIGINT)
            WHEN $time_format = 'epoch_us' AND abs(written) < 1e16 THEN CAST(written AS BIGINT)
            -- Seconds have ten digits from 2001 on, milliseconds thirteen, microseconds sixteen.
            WHEN $time_format = 'epoch' AND written BETWEEN 1e8 AND 1e16 THEN CAST(
                written * CASE WHEN written < 1e11 THEN 1000000 WHEN written < 1e14 THEN 1000 ELSE 1 END AS BIGINT)
            WHEN $time_format = 'excel' AND abs(written) < 1e5 THEN CAST(round((written - 25569) * 86400) AS BIGINT) * 1000000
        END AS micros
    FROM numbered
),
parsed AS (
    SELECT
        line,
        n_lines,
        CASE WHEN nobody THEN coalesce(of_user_id, of_email, of_phone, of_device, own) ELSE own END AS user_id,
        CASE
            WHEN NOT nobody THEN ''
            WHEN of_user_id IS NOT NULL THEN 'user_id'
            WHEN of_email IS NOT NULL THEN 'email'
            WHEN of_phone IS NOT NULL THEN 'phone'
            WHEN of_device IS NOT NULL THEN 'device'
            ELSE ''
        END AS user_from,
        key_user_id, key_email, key_phone, key_device,
        nullif(trim(item_id), '') AS item_id,
        nullif(trim(event_type), '') AS event_type,
        trim(event_time) AS time_text,
        date_trunc('second', CASE $time_format
            -- Letters that name several zones are never guessed. Else with the zone's colon (+0200) or between Chinese signs of year, month and day.
            WHEN 'iso' THEN timezone('UTC', CASE WHEN right(rtrim(event_time), 4) IN (' CST', ' IST', ' BST', ' AST', ' MST', ' SST', ' GST') THEN NULL ELSE coalesce(
                TRY_CAST(trim(event_time) AS TIMESTAMPTZ),
                TRY_CAST(regexp_replace(trim(event_time), '(:\d{2}(?:[.,]\d+)?)\s*([+-]\d{2})(\d{2})$', '\1\2:\3') AS TIMESTAMPTZ),
                TRY_CAST(regexp_replace(trim(event_time), '^(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日', '\1-\2-\3') AS TIMESTAMPTZ)) END)
            WHEN 'epoch' THEN make_timestamp(micros)
            WHEN 'compact' THEN timezone('UTC', timezone($time_zone, try_strptime(trim(event_time),
                ['%Y%m%d', '%Y%m%d%H%M%S', '%Y%m%d%H%M', '%Y%m%dT%H%M%S', '%Y%m%d %H:%M:%S', '%Y%m%d %H:%M'])))
            WHEN 'epoch_s' THEN make_timestamp(micros)
            WHEN 'epoch_ms' THEN make_timestamp(micros)
            WHEN 'epoch_us' THEN make_timestamp(micros)
            WHEN 'excel' THEN timezone('UTC', timezone($time_zone, make_timestamp(micros)))
            WHEN 'dmy' THEN timezone('UTC', timezone($time_zone, try_strptime(translate(trim(event_time), '.-', '//'),
                ['%d/%m/%Y %H:%M:%S', '%d/%m/%Y %H:%M', '%d/%m/%Y', '%d/%m/%Y %I:%M:%S %p', '%d/%m/%Y %I:%M %p'])))
            WHEN 'named' THEN timezone('UTC', timezone($time_zone, try_strptime(regexp_replace(trim(event_time), '[\s,./-]+', ' ', 'g'),
                ['%d %b %Y %H:%M:%S', '%d %b %Y %H:%M', '%d %b %Y', '%d %b %Y %I:%M:%S %p', '%d %b %Y %I:%M %p',
                    '%d %B %Y %H:%M:%S', '%d %B %Y %H:%M', '%d %B %Y', '%b %d %Y %H:%M:%S', '%b %d %Y %H:%M', '%b %d %Y',
                    '%b %d %Y %I:%M:%S %p', '%b %d %Y %I:%M %p', '%B %d %Y %H:%M:%S', '%B %d %Y %H:%M', '%B %d %Y'])))
            ELSE timezone('UTC', timezone($time_zone, try_strptime(translate(trim(event_time), '.-', '//'),
                ['%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%m/%d/%Y', '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %I:%M %p'])))
        END) AS event_time,
        nullif(trim(value), '') AS value_text,
        number_of(value, $decimal) AS value,
        nullif(trim(quantity), '') AS quantity_text,
        number_of(quantity, $decimal) AS quantity,
        nullif(trim(discount), '') AS discount_text,
        number_of(discount, $decimal) AS discount,
        nullif(trim(currency), '') AS currency,
        nullif(trim(order_id), '') AS order_id,
        nullif(trim(channel), '') AS channel,
        nullif(trim(campaign_id), '') AS campaign_id,
        nullif(trim(event_id), '') AS event_id,
        -- Written by the same hand as on the fast way, so that equal rows stay equal.
        nullif(CAST(json_merge_patch('{}', CAST(rest AS JSON)) AS VARCHAR), '{}') AS properties
    FROM clocked
)
SELECT
    *,
    CASE
        WHEN user_id IS NULL THEN 'no_user'
        WHEN coalesce(time_text, '') = '' THEN 'no_time'
        WHEN event_time IS NULL THEN 'bad_time'
        WHEN event_time < $earliest OR event_time > $latest THEN 'time_out_of_range'
        WHEN $has_event_type AND event_type IS NULL THEN 'no_event_type'
        WHEN value_text IS NOT NULL AND value IS NULL THEN 'bad_value'
        WHEN quantity_text IS NOT NULL AND quantity IS NULL THEN 'bad_quantity'
        WHEN discount_text IS NOT NULL AND discount IS NULL THEN 'bad_discount'
        -- A whole line may be worth more than any column holds.
        WHEN $of_unit AND TRY_CAST(value * coalesce(quantity, 1) AS DECIMAL(18,4)) IS NULL AND value IS NOT NULL THEN 'bad_value'
    END AS reason,
    CASE
        WHEN user_id IS NULL THEN ''
        WHEN event_time IS NULL OR event_time < $earliest OR event_time > $latest THEN coalesce(time_text, '')
        WHEN value_text IS NOT NULL AND value IS NULL THEN value_text
        WHEN quantity_text IS NOT NULL AND quantity IS NULL THEN quantity_text
        WHEN discount_text IS NOT NULL AND discount IS NULL THEN discount_text
        WHEN $of_unit AND TRY_CAST(value * coalesce(quantity, 1) AS DECIMAL(18,4)) IS NULL AND value IS NOT NULL THEN value_text
        ELSE ''
    END AS detail
FROM parsed
