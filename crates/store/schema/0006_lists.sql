-- Lists that stay fast with a million packages: counters, search terms, indexes.

-- Whole lists and lists by state are counted here, not in the tables. Rows are added, never changed: batches that
-- commit at the same moment do not wait for each other. A tick folds them into one row a state.
CREATE TABLE list_counts (
    -- package, transfer, order (its state is the hub's status).
    entity TEXT NOT NULL,
    state BIGINT NOT NULL,
    n BIGINT NOT NULL
);
INSERT INTO list_counts (entity, state, n) SELECT 'package', state, COUNT(*) FROM packages GROUP BY state;
INSERT INTO list_counts (entity, state, n) SELECT 'transfer', state, COUNT(*) FROM transfers GROUP BY state;
INSERT INTO list_counts (entity, state, n) SELECT 'order', hub_status, COUNT(*) FROM orders GROUP BY hub_status;

-- What people search by, folded by oms_core::search: no database folds Turkish letters as people do. Packages and
-- transfers have no terms of their own, because their numbers begin with their order's.
CREATE TABLE search_terms (
    kind BIGINT NOT NULL,
    term TEXT NOT NULL,
    -- Of an order, a product or a shipment, as the kind says.
    entity_id BIGINT NOT NULL,
    PRIMARY KEY (kind, term, entity_id)
);
-- How far the rows of before are in it: the last id, by kind. A tick goes on from here.
INSERT INTO facts (name, value) VALUES ('search_terms_1', '0'), ('search_terms_2', '0'), ('search_terms_3', '0');

-- The order's, so that a channel's packages are found in the order of the list. Null: made by an older version.
ALTER TABLE packages ADD COLUMN channel_id BIGINT;
ALTER TABLE packages ADD COLUMN placed_us BIGINT;
UPDATE packages SET channel_id = (SELECT o.channel_id FROM orders o WHERE o.id = packages.order_id),
    placed_us = (SELECT o.placed_us FROM orders o WHERE o.id = packages.order_id);

-- What a list is narrowed by, then what it is sorted by.
CREATE INDEX packages_by_state ON packages (state, created_us, id);
CREATE INDEX packages_by_location ON packages (location_id, created_us, id);
CREATE INDEX packages_by_location_and_state ON packages (location_id, state, created_us, id);
CREATE INDEX packages_by_channel ON packages (channel_id, created_us, id);
CREATE INDEX packages_by_channel_and_state ON packages (channel_id, state, created_us, id);
CREATE INDEX packages_modified ON packages (modified_us, id);
CREATE INDEX packages_placed ON packages (placed_us, id);
-- By spans of 30 days, and in the order of the list in each: see store/src/lists.rs.
CREATE INDEX packages_modified_span ON packages ((modified_us / 2592000000000), created_us, id, modified_us);
CREATE INDEX packages_placed_span ON packages ((placed_us / 2592000000000), created_us, id, placed_us);
CREATE INDEX packages_busy ON packages (id) WHERE busy_command_id IS NOT NULL;
CREATE INDEX package_items_state ON package_items (state, id);
CREATE INDEX package_items_product ON package_items (product_id, package_id);

CREATE INDEX orders_by_channel ON orders (channel_id, created_us, id);
CREATE INDEX orders_by_channel_and_status ON orders (channel_id, hub_status, created_us, id);
CREATE INDEX orders_by_status ON orders (hub_status, created_us, id);
CREATE INDEX orders_modified ON orders (modified_us, id);
CREATE INDEX orders_placed ON orders (placed_us, id);
CREATE INDEX orders_modified_span ON orders ((modified_us / 2592000000000), created_us, id, modified_us);
CREATE INDEX orders_placed_span ON orders ((placed_us / 2592000000000), created_us, id, placed_us);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_shipping_address ON orders (shipping_address_id);
CREATE INDEX orders_delivery_type ON orders (delivery_type, created_us, id);
CREATE INDEX orders_shipping_option ON orders (shipping_option);
CREATE INDEX plans_reason ON plans (reason_code, id) WHERE reason_code IS NOT NULL;
CREATE INDEX customers_first_name ON customers (first_name);
CREATE INDEX customers_last_name ON customers (last_name);
CREATE INDEX addresses_country ON addresses (country_id);
CREATE INDEX addresses_city ON addresses (city_id);
CREATE INDEX addresses_township ON addresses (township_id);

CREATE INDEX transfers_by_state ON transfers (state, id);
CREATE INDEX transfers_source ON transfers (from_location_id, id);
CREATE INDEX transfers_destination ON transfers (to_location_id, id);
CREATE INDEX transfers_created ON transfers (created_us, id);
CREATE INDEX transfers_created_span ON transfers ((created_us / 2592000000000), id, created_us);
CREATE INDEX transfers_modified_span ON transfers ((modified_us / 2592000000000), id, modified_us);
CREATE INDEX transfers_modified ON transfers (modified_us, id);
CREATE INDEX transfer_items_product ON transfer_items (product_id, transfer_id);
CREATE INDEX transfer_items_quantity ON transfer_items (quantity, id);

CREATE INDEX shipments_created ON shipments (created_us, package_id);
CREATE INDEX shipments_company ON shipments (cargo_company, package_id);
CREATE INDEX shipments_tracking ON shipments (tracking_number) WHERE tracking_number IS NOT NULL;
CREATE INDEX cancellation_plan_items_state ON cancellation_plan_items (state, package_id);

CREATE INDEX transition_log_new ON transition_log (new_state, id);
CREATE INDEX transition_log_old ON transition_log (old_state, id);
CREATE INDEX transition_log_at ON transition_log (at_us, id);
CREATE INDEX transition_log_span ON transition_log ((at_us / 2592000000000), id, at_us);

CREATE INDEX products_barcode ON products (barcode) WHERE barcode IS NOT NULL;
CREATE INDEX stocks_location ON stocks (location_id, product_id);
CREATE INDEX stocks_engine ON stocks (engine_id, product_id, location_id) WHERE engine_id IS NOT NULL;
