-- Every campaign contact of the chosen users with how many they had received in the $window_days before it, and
-- whether they came by within $response_days, strictly after. Contacts whose response could not be seen yet,
-- because the data end before, are left out. One row per number of earlier contacts; the last row holds $most
-- and more. A user's contacts come together: sums of squares and products by user are for the interval.
WITH theirs AS (
    SELECT
        e.user_id,
        CAST(epoch(e.event_time) AS BIGINT) AS at_s,
        e.event_type = 'campaign_received' AS contact,
        e.event_type NOT IN ('campaign_received', 'impression', 'refund') AS visit
    FROM events AS e
    SEMI JOIN chosen AS c ON c.user_id = e.user_id
),
moments AS (
    -- Several mailings of one moment are one contact.
    SELECT user_id, at_s, max(contact) AS contact, max(visit) AS visit
    FROM theirs
    GROUP BY user_id, at_s
),
walked AS (
    SELECT
        user_id,
        at_s,
        contact,
        min(CASE WHEN visit THEN at_s END) OVER (
            PARTITION BY user_id ORDER BY at_s ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS next_visit_s,
        sum(CASE WHEN contact THEN 1 ELSE 0 END) OVER (
            PARTITION BY user_id ORDER BY at_s
            RANGE BETWEEN CAST($window_s AS BIGINT) PRECEDING AND 1 PRECEDING
        ) AS n_before
    FROM moments
),
contacts AS (
    SELECT
        user_id,
        CAST(least(coalesce(n_before, 0), CAST($most AS BIGINT)) AS INTEGER) AS n_before,
        CASE WHEN next_visit_s - at_s <= 86400 * CAST($response_days AS BIGINT) THEN 1 ELSE 0 END AS answered
    FROM walked
    WHERE contact AND at_s + 86400 * CAST($response_days AS BIGINT) <= CAST($last_s AS BIGINT)
),
by_user AS (
    SELECT user_id, n_before, CAST(count(*) AS DOUBLE) AS n, CAST(sum(answered) AS DOUBLE) AS n_answered
    FROM contacts
    GROUP BY user_id, n_before
)
SELECT
    n_before,
    CAST(sum(n) AS BIGINT) AS n_contacts,
    count(*) AS n_users,
    CAST(sum(n_answered) AS BIGINT) AS n_answered,
    sum(n * n) AS contact_squares,
    sum(n_answered * n_answered) AS answer_squares,
    sum(n * n_answered) AS products
FROM by_user
GROUP BY n_before
ORDER BY n_before
