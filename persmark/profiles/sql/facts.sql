-- Every user's facts when profiles are built whole.
CREATE TEMP VIEW facts AS SELECT * FROM counted;
CREATE TEMP TABLE buyers AS
SELECT base.user_id, b.last_purchase_time, b.n_purchases, base.monetary
FROM base
INNER JOIN buying AS b ON b.user_id = base.user_id
