-- Every user's facts when profiles are refreshed: those of the touched counted anew, the others as
-- they were published.
CREATE TEMP VIEW facts AS
SELECT * FROM counted
UNION ALL BY NAME
SELECT "stored" FROM profiles AS p ANTI JOIN touched AS t ON t.user_id = p.user_id;
CREATE TEMP TABLE buyers AS
SELECT user_id, last_purchase_time, n_purchases, monetary FROM facts WHERE last_purchase_time IS NOT NULL
