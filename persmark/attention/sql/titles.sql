-- What the wanted items are called, where the catalogue knows them.
SELECT i.item_id, i.title, i.category
FROM items AS i
SEMI JOIN wanted AS w ON w.item_id = i.item_id
ORDER BY i.item_id
