-- Events as they came beside what shift, fold, cap and merge rules make of them; *_first names the
-- rule of a kind that changed the row first, *_last the one that did last.
CREATE OR REPLACE TEMP VIEW unified AS
SELECT
    o.*,
    o.event_time + to_seconds(coalesce(s.seconds, 0)) AS new_time,
    s.first_rule AS shift_first,
    s.last_rule AS shift_last,
    coalesce(f.new_type, o.event_type) AS new_type,
    f.first_rule AS fold_first,
    f.last_rule AS fold_last,
    CASE WHEN o.value > c.value THEN c.value WHEN o.value < -c.value THEN -c.value ELSE o.value END AS new_value,
    CASE WHEN abs(o.value) > c.value THEN c.value_rule END AS value_rule,
    CASE WHEN o.quantity > c.quantity THEN c.quantity WHEN o.quantity < -c.quantity THEN -c.quantity ELSE o.quantity END AS new_quantity,
    CASE WHEN abs(o.quantity) > c.quantity THEN c.quantity_rule END AS quantity_rule,
    CASE WHEN o.discount > c.discount THEN c.discount WHEN o.discount < -c.discount THEN -c.discount ELSE o.discount END AS new_discount,
    CASE WHEN abs(o.discount) > c.discount THEN c.discount_rule END AS discount_rule,
    coalesce(m.user_id, o.user_id) AS new_user_id,
    m.rule_id AS merge_rule
FROM original_rows AS o
LEFT JOIN rule_shifts AS s ON s.source_id = o.source_id
LEFT JOIN rule_folds AS f ON f.old_type = o.event_type
LEFT JOIN rule_merges AS m ON m.source_user_id = o.user_id
CROSS JOIN rule_caps AS c
