-- What the hub says of a line or a product that nothing here goes by, as JSON: shown to people and software as it came.
ALTER TABLE order_items ADD COLUMN hub_fields TEXT;
ALTER TABLE products ADD COLUMN hub_fields TEXT;
-- The hub's status of the line. Null: a line of before, or none of the hub; then the order's.
ALTER TABLE order_items ADD COLUMN hub_status BIGINT;
