-- Money and counts as people write them: thousands, currency signs, full-width digits; 1_000 as the
-- database's own reader takes it.
-- What does not look like one number is NULL, never a guess: blanks part thousands, and currencies stand
-- before or behind.
CREATE OR REPLACE TEMP MACRO number_of(written, decimal_sign) AS (
    SELECT CASE
        WHEN decimal_sign = '.' AND regexp_full_match(written, '-?\d{1,12}(\.\d+)?') THEN TRY_CAST(written AS DECIMAL(18,4))
        WHEN decimal_sign = '.' AND regexp_full_match(bare, '[+-]?([1-9]\d{0,2}(,\d{3})+|[1-9]\d{0,2}( \d{3})+|\d+(_\d+)*)?(\.\d*)?([eE][+-]?\d{1,2})?') AND regexp_matches(bare, '\d')
            THEN TRY_CAST(replace(replace(bare, ',', ''), ' ', '') AS DECIMAL(18,4))
        WHEN decimal_sign = ',' AND regexp_full_match(bare, '[+-]?([1-9]\d{0,2}([.]\d{3})+|[1-9]\d{0,2}( \d{3})+|\d+)?(,\d*)?') AND regexp_matches(bare, '\d')
            THEN TRY_CAST(replace(replace(replace(bare, '.', ''), ' ', ''), ',', '.') AS DECIMAL(18,4))
    END
    FROM (SELECT regexp_replace(
        regexp_replace(
            regexp_replace(translate(written, '０１２３４５６７８９．，－−', '0123456789.,--'), '[\s\x{00a0}\x{202f}]', ' ', 'g'),
            '^ *([+-]?) *(?:[$€£¥￥]|[A-Z]{3})? *([+-]?) *', '\1\2'),
        ' *(?:[$€£¥￥]|[A-Z]{3})? *$', '') AS bare)
)
