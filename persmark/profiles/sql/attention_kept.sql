-- The attention of the users that a refresh does not count anew, under this build's numbers.
INSERT INTO out.attention_users
SELECT
    CAST((SELECT count(*) FROM base) + row_number() OVER (ORDER BY u.user_id) AS INTEGER) AS user_no,
    u.user_id
FROM attention_users AS u
ANTI JOIN touched AS t ON t.user_id = u.user_id;
INSERT INTO out.attention_names
SELECT
    CAST((SELECT count(*) FROM names) + row_number() OVER (ORDER BY o.dimension, o.name) AS INTEGER) AS name_no,
    o.dimension,
    o.name
FROM attention_names AS o
ANTI JOIN names AS n ON n.dimension = o.dimension AND n.name = o.name;
INSERT INTO out.attention_rows
SELECT u.user_no, n.name_no, r.n_events, r.attention_billionths, r.dwell_billionths, r.spend_billionths
FROM attention_rows AS r
INNER JOIN attention_users AS was ON was.user_no = r.user_no
INNER JOIN out.attention_users AS u ON u.user_id = was.user_id
INNER JOIN attention_names AS named ON named.name_no = r.name_no
INNER JOIN out.attention_names AS n ON n.dimension = named.dimension AND n.name = named.name
ANTI JOIN touched AS t ON t.user_id = was.user_id
