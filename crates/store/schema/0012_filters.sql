-- Names as people look for them, folded in Rust (`oms_core::search::fold`): no database folds Turkish letters so. Rows of
-- before get theirs with this migration (`backfill.rs`).
ALTER TABLE customers ADD COLUMN first_name_folded TEXT;
ALTER TABLE customers ADD COLUMN last_name_folded TEXT;
DROP INDEX customers_first_name;
DROP INDEX customers_last_name;
CREATE INDEX customers_first_name ON customers (first_name_folded);
CREATE INDEX customers_last_name ON customers (last_name_folded);
ALTER TABLE countries ADD COLUMN name_folded TEXT;
ALTER TABLE cities ADD COLUMN name_folded TEXT;
ALTER TABLE townships ADD COLUMN name_folded TEXT;
ALTER TABLE districts ADD COLUMN name_folded TEXT;

-- The hub's key of the store where the shopper collects, of an address of that kind.
ALTER TABLE addresses ADD COLUMN retail_store BIGINT;
CREATE INDEX addresses_retail_store ON addresses (retail_store) WHERE retail_store IS NOT NULL;

-- When the shopper wants it, read from `delivery_range`.
ALTER TABLE orders ADD COLUMN delivery_from_us BIGINT;
ALTER TABLE orders ADD COLUMN delivery_until_us BIGINT;
CREATE INDEX orders_delivery_from ON orders (delivery_from_us) WHERE delivery_from_us IS NOT NULL;
CREATE INDEX orders_delivery_until ON orders (delivery_until_us) WHERE delivery_until_us IS NOT NULL;
