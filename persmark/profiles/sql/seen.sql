-- What the steps look at when profiles are built whole: everything.
CREATE TEMP VIEW seen AS SELECT * FROM events;
CREATE TEMP VIEW seen_sessions AS SELECT * FROM sessions;
CREATE TEMP VIEW kept_contacts AS SELECT * FROM recent_contacts WHERE false;
CREATE TEMP VIEW kept_orders AS SELECT * FROM recent_orders WHERE false;
CREATE TEMP VIEW seen_all AS SELECT * FROM events;
