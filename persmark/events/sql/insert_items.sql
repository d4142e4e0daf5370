-- The last row of an id stands; the leaf of a category path is what charts speak of.
INSERT INTO out.items BY NAME
SELECT
    item_id, kind, title, category_path,
    trim(list_last(string_split(category_path, ' / '))) AS category,
    brand, price, currency, text, image, attributes
FROM (
    SELECT *, row_number() OVER (PARTITION BY item_id ORDER BY line DESC) AS newest
    FROM typed
    WHERE reason IS NULL
)
WHERE newest = 1
ORDER BY item_id
