-- What favourite_brands.sql fills.
CREATE TEMP TABLE favourite_brands (
    user_no INTEGER,
    favourite_brand VARCHAR,
    favourite_brand_share DOUBLE
)
