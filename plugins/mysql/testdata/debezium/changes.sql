-- What happens in the stream alone, after the rows were written again.
SET SESSION sql_mode = 'ALLOW_INVALID_DATES', SESSION time_zone = '+00:00', timestamp = 1577934305.123;

UPDATE orders SET status = 'returned', price = price + 1 WHERE id = 1;
UPDATE orders SET note = 'same';
UPDATE orders SET id = 10 WHERE id = 1;
BEGIN;
INSERT INTO orders (id, customer_id, sku, status, qty, price, created, flag) VALUES (20, 1, 'a', 'new', 1, 1, '2024-01-01', 1), (21, 2, 'b', 'new', 1, 2, '2024-01-01', 0);
UPDATE keyless SET b = 'changed' WHERE a = 1;
DELETE FROM orders WHERE id = 20;
UPDATE unique_key SET c = c + 1 WHERE a = 1;
COMMIT;
UPDATE unique_key SET b = 'zwei' WHERE a = 2;
UPDATE compound_key SET v = 9 WHERE a = 1;
UPDATE compound_key SET d = '2025-01-01' WHERE a = 2;
UPDATE unique_null SET b = 'x';
DELETE FROM keyless WHERE a = 2;
DELETE FROM keyless WHERE a IS NULL;
UPDATE generated_columns SET a = 5 WHERE id = 1;
UPDATE people SET name = 'Augusta Ada King', age = 37 WHERE id = 1;
UPDATE integers SET i = 1 WHERE id = 1;
BEGIN;
INSERT INTO people VALUES (3, 'rolled back', NULL, NULL, NULL, NULL);
ROLLBACK;
DELETE FROM people;
TRUNCATE TABLE unique_null;
INSERT INTO orders (id, customer_id, sku, status, qty, price, created, flag) VALUES (99, 0, 'last', 'new', 0, 0, '2024-01-01', 0);
