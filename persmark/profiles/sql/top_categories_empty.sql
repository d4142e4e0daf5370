-- What top_categories.sql fills.
CREATE TEMP TABLE top_categories (
    user_no INTEGER,
    top_category_1 VARCHAR,
    top_category_1_share DOUBLE,
    top_category_2 VARCHAR,
    top_category_2_share DOUBLE,
    top_category_3 VARCHAR,
    top_category_3_share DOUBLE
)
