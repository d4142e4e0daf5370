-- The same with who is left out: by the id that stands after merging, or by the one the row came with.
CREATE OR REPLACE TEMP VIEW ruled AS
SELECT
    u.*,
    coalesce(d.rule_id, n.rule_id) AS drop_rule,
    coalesce(u.merge_rule, greatest(u.value_rule, u.quantity_rule, u.discount_rule), u.fold_last, u.shift_last) AS last_rule
FROM unified AS u
LEFT JOIN rule_dropped AS d ON d.user_id = u.new_user_id
LEFT JOIN rule_named AS n ON n.user_id = u.user_id
