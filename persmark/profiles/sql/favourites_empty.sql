-- What top_categories.sql, favourite_brands.sql and favourite_channels.sql fill.
CREATE TEMP TABLE top_categories (
    user_no INTEGER,
    top_category_1 VARCHAR,
    top_category_1_share DOUBLE,
    top_category_2 VARCHAR,
    top_category_2_share DOUBLE,
    top_category_3 VARCHAR,
    top_category_3_share DOUBLE,
    opportunity_category VARCHAR,
    opportunity_share DOUBLE
);
CREATE TEMP TABLE favourite_brands (user_no INTEGER, favourite_brand VARCHAR, favourite_brand_share DOUBLE);
CREATE TEMP TABLE favourite_channels (user_no INTEGER, favourite_channel VARCHAR, favourite_channel_share DOUBLE)
