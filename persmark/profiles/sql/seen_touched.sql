-- What the steps look at when profiles are refreshed: the touched users' rows alone.
CREATE TEMP TABLE seen AS
SELECT
    e.user_id,
    e.item_id,
    e.event_type,
    e.event_time,
    e.value,
    e.discount,
    e.order_id,
    e.channel,
    e.local_date,
    e.local_hour
FROM events AS e
SEMI JOIN touched AS t ON t.user_id = e.user_id;
CREATE TEMP VIEW seen_sessions AS
SELECT s.* FROM sessions AS s SEMI JOIN touched AS t ON t.user_id = s.user_id;
CREATE TEMP VIEW kept_contacts AS
SELECT c.* FROM recent_contacts AS c ANTI JOIN touched AS t ON t.user_id = c.user_id;
CREATE TEMP VIEW kept_orders AS
SELECT o.* FROM recent_orders AS o ANTI JOIN touched AS t ON t.user_id = o.user_id;
CREATE TEMP VIEW seen_all AS SELECT * FROM events;
