-- The three categories that hold most of each user's decayed attention, and the one that holds most of those
-- a spender spent nothing on; equal weights go by name. Packed as in totals.sql.
INSERT INTO top_categories
WITH second AS (
    SELECT s.user_no, max(least(s.weight, CAST($most AS BIGINT)) * CAST($width AS BIGINT) + $width - s.no) AS packed
    FROM sums AS s
    INNER JOIN totals AS t ON t.user_no = s.user_no
    WHERE least(s.weight, CAST($most AS BIGINT)) * CAST($width AS BIGINT) + $width - s.no < t.first
    GROUP BY s.user_no
),
third AS (
    SELECT s.user_no, max(least(s.weight, CAST($most AS BIGINT)) * CAST($width AS BIGINT) + $width - s.no) AS packed
    FROM sums AS s
    INNER JOIN second AS t ON t.user_no = s.user_no
    WHERE least(s.weight, CAST($most AS BIGINT)) * CAST($width AS BIGINT) + $width - s.no < t.packed
    GROUP BY s.user_no
),
unpaid AS (
    SELECT s.user_no, max(least(s.weight, CAST($most AS BIGINT)) * CAST($width AS BIGINT) + $width - s.no) AS packed
    FROM sums AS s
    INNER JOIN totals AS t ON t.user_no = s.user_no AND t.spend > 0
    WHERE coalesce(s.spend, 0) <= 0
    GROUP BY s.user_no
),
picked AS (
    SELECT
        t.user_no,
        t.weight AS total,
        t.first AS packed_1,
        second.packed AS packed_2,
        third.packed AS packed_3,
        unpaid.packed AS unpaid,
        $width - t.first % $width AS no_1,
        $width - second.packed % $width AS no_2,
        $width - third.packed % $width AS no_3,
        $width - unpaid.packed % $width AS unpaid_no
    FROM totals AS t
    LEFT JOIN second ON second.user_no = t.user_no
    LEFT JOIN third ON third.user_no = t.user_no
    LEFT JOIN unpaid ON unpaid.user_no = t.user_no
),
listed AS MATERIALIZED (SELECT no, name FROM names WHERE dimension = 'category')
SELECT
    user_no,
    n1.name AS top_category_1,
    CAST(packed_1 - packed_1 % $width AS DOUBLE) / CAST($width AS DOUBLE) / nullif(total, 0) AS top_category_1_share,
    n2.name AS top_category_2,
    CAST(packed_2 - packed_2 % $width AS DOUBLE) / CAST($width AS DOUBLE) / nullif(total, 0) AS top_category_2_share,
    n3.name AS top_category_3,
    CAST(packed_3 - packed_3 % $width AS DOUBLE) / CAST($width AS DOUBLE) / nullif(total, 0) AS top_category_3_share,
    n4.name AS opportunity_category,
    CAST(unpaid - unpaid % $width AS DOUBLE) / CAST($width AS DOUBLE) / nullif(total, 0) AS opportunity_share
FROM picked
LEFT JOIN listed AS n1 ON n1.no = no_1
LEFT JOIN listed AS n2 ON n2.no = no_2
LEFT JOIN listed AS n3 ON n3.no = no_3
LEFT JOIN listed AS n4 ON n4.no = unpaid_no
