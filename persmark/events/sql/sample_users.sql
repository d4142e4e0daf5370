INSERT INTO out_catalogue.users BY NAME
SELECT
    CAST(household_id AS VARCHAR) AS user_id,
    CAST(json_merge_patch('{}', json_object('age', age, 'income', income, 'home_ownership', home_ownership,
        'marital_status', marital_status, 'household_size', household_size,
        'household_comp', household_comp, 'kids_count', kids_count)) AS VARCHAR) AS attributes
FROM read_parquet($demographics)
ORDER BY user_id
