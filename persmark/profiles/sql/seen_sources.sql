-- What the steps look at when profiles are told of the first sources alone.
CREATE TEMP VIEW kept_contacts AS SELECT * FROM recent_contacts WHERE false;
CREATE TEMP VIEW kept_orders AS SELECT * FROM recent_orders WHERE false;
CREATE TEMP TABLE seen AS
SELECT
    user_id,
    item_id,
    event_type,
    event_time,
    value,
    discount,
    order_id,
    channel,
    campaign_id,
    local_date,
    local_hour
FROM events
WHERE source_id <= CAST($up_to_source AS INTEGER)
