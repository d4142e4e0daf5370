-- Users who did more than so many things in one hour of the clock; what is done to them is not counted.
INSERT INTO rule_dropped
SELECT DISTINCT b.user_id, CAST($rule_id AS INTEGER) AS rule_id
FROM (
    SELECT new_user_id AS user_id, CAST(epoch(new_time) AS BIGINT) // 3600 AS hour_no
    FROM unified
    WHERE new_type NOT IN ('campaign_received', 'impression')
        AND ($everybody OR new_user_id IN (SELECT user_id FROM rule_asked))
    GROUP BY new_user_id, CAST(epoch(new_time) AS BIGINT) // 3600
    HAVING count(*) > $per_hour
) AS b
WHERE b.user_id NOT IN (SELECT user_id FROM rule_dropped)
