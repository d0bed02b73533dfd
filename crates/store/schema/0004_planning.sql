-- Scenario families and versions, transfers, re-planning, decisions that replay.

ALTER TABLE scenarios ADD COLUMN family TEXT NOT NULL DEFAULT 'distribution';
-- The next version in the making; nothing plans by it.
ALTER TABLE scenarios ADD COLUMN draft TEXT;
ALTER TABLE scenarios ADD COLUMN draft_author TEXT;
ALTER TABLE scenarios ADD COLUMN draft_comment TEXT;
ALTER TABLE scenarios ADD COLUMN draft_us BIGINT;

-- Every version a scenario ever had. Decisions name theirs.
CREATE TABLE scenario_versions (
    scenario_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    author TEXT NOT NULL,
    comment TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (scenario_id, version)
);
INSERT INTO scenario_versions (scenario_id, version, body, author, comment, created_us)
    SELECT id, version, body, 'migration', 'as it stood before versions were kept', modified_us FROM scenarios;

ALTER TABLE packages ADD COLUMN transfers_made BIGINT NOT NULL DEFAULT 0;
-- The state a package takes when its last transfer has come.
ALTER TABLE packages ADD COLUMN released_to BIGINT;
ALTER TABLE packages ADD COLUMN target_packaging_us BIGINT;
ALTER TABLE packages ADD COLUMN target_exit_us BIGINT;
-- When planning last looked at it, for packages that are out of stock.
ALTER TABLE packages ADD COLUMN last_tried_us BIGINT;

CREATE TABLE transfers (
    id BIGINT PRIMARY KEY,
    package_id BIGINT NOT NULL REFERENCES packages (id),
    n BIGINT NOT NULL,
    number TEXT NOT NULL,
    from_location_id BIGINT NOT NULL REFERENCES locations (id),
    to_location_id BIGINT NOT NULL REFERENCES locations (id),
    state BIGINT NOT NULL,
    is_detached BOOLEAN NOT NULL,
    log_seq BIGINT NOT NULL,
    log_head BLOB NOT NULL,
    event_seq BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL,
    UNIQUE (package_id, n)
);
CREATE INDEX transfers_number ON transfers (number);
CREATE INDEX transfers_from ON transfers (from_location_id, state);
CREATE INDEX transfers_to ON transfers (to_location_id, state);

CREATE TABLE transfer_items (
    id BIGINT PRIMARY KEY,
    transfer_id BIGINT NOT NULL REFERENCES transfers (id),
    package_item_id BIGINT NOT NULL REFERENCES package_items (id),
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    state BIGINT NOT NULL
);
CREATE INDEX transfer_items_transfer ON transfer_items (transfer_id);
CREATE INDEX transfer_items_package_item ON transfer_items (package_item_id);

-- Set: the reservation is the transfer item's, at the transfer's source.
ALTER TABLE reservations ADD COLUMN transfer_item_id BIGINT;
-- Of transfers only: nearly all reservations are of packages, and an entry each would cost every plan.
CREATE INDEX reservations_transfer ON reservations (transfer_item_id) WHERE transfer_item_id IS NOT NULL;

-- Locations that refused a line: 'pack' are not asked to pack it again, 'send' not to send it.
CREATE TABLE exclusions (
    order_item_id BIGINT NOT NULL REFERENCES order_items (id),
    location_id BIGINT NOT NULL REFERENCES locations (id),
    role TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (order_item_id, location_id, role)
);

-- When more of a product last became available anywhere: what is out of stock is tried again then.
CREATE TABLE stock_rises (
    product_id BIGINT PRIMARY KEY,
    at_us BIGINT NOT NULL
);

-- The explanations of a batch, by ordinal: canonical JSON, compressed.
ALTER TABLE decision_batches ADD COLUMN attempts BLOB;
-- SHA-256 of the whole decision, result and explanation.
ALTER TABLE decisions ADD COLUMN result_hash BLOB;
-- The package that was planned anew.
ALTER TABLE decisions ADD COLUMN replaced_package_id BIGINT;

INSERT INTO transitions (id, rev, entity, name, slug, code, from_state, to_state, is_system) VALUES
    (4, 1, 'package', 'Planned, waits for transfer', 'SYSTEM_PLANNED_WITH_TRANSFER', 'SYSTEM', NULL, 300, TRUE),
    (5, 1, 'package', 'Replaced by a new plan', 'SYSTEM_REPLACED', 'SYSTEM', 920, 900, TRUE),
    (6, 1, 'package', 'Transfers complete', 'SYSTEM_TRANSFERS_COMPLETE', 'SYSTEM', 300, 100, TRUE),
    (7, 1, 'package', 'Transfers complete, planned in parts', 'SYSTEM_TRANSFERS_COMPLETE_IN_PARTS', 'SYSTEM', 300, 150, TRUE),
    (8, 1, 'package', 'Nothing left to pack', 'SYSTEM_NOTHING_LEFT', 'SYSTEM', 300, 900, TRUE),
    (20, 1, 'transfer', 'Planned', 'SYSTEM_TRANSFER_PLANNED', 'SYSTEM', NULL, 10, TRUE),
    (21, 1, 'transfer', 'Ready for dispatch', 'SYSTEM_TRANSFER_READY', 'SYSTEM', 10, 20, TRUE),
    (22, 1, 'transfer', 'Dispatched', 'SYSTEM_TRANSFER_DISPATCHED', 'SYSTEM', 10, 30, TRUE),
    (23, 1, 'transfer', 'Dispatched when ready', 'SYSTEM_TRANSFER_READY_DISPATCHED', 'SYSTEM', 20, 30, TRUE),
    (24, 1, 'transfer', 'Delivered', 'SYSTEM_TRANSFER_DELIVERED', 'SYSTEM', 30, 40, TRUE),
    (25, 1, 'transfer', 'Not found', 'SYSTEM_TRANSFER_NOT_FOUND', 'SYSTEM', 10, 90, TRUE),
    (26, 1, 'transfer', 'Cancelled', 'SYSTEM_TRANSFER_CANCELLED', 'SYSTEM', 10, 95, TRUE);
CREATE INDEX decisions_batch ON decisions (batch_id, ordinal);

-- Counts changes of scenarios: an order that found none looks at it before it lies down to wait.
INSERT INTO facts (name, value) VALUES ('scenarios_generation', '0');
