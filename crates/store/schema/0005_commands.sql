-- Commands: transitions as data, denial reasons, discrepancies, shipments, invoices, codes, cancellations.

-- Who is shown the step: all, oms, instore, hidden.
ALTER TABLE transitions ADD COLUMN visibility TEXT NOT NULL DEFAULT 'hidden';
ALTER TABLE transitions ADD COLUMN conf TEXT NOT NULL DEFAULT '{}';
-- A changed transition is a new revision; logs name theirs. A deleted one has no current revision.
ALTER TABLE transitions ADD COLUMN is_current BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE transitions ADD COLUMN created_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE transitions ADD COLUMN modified_us BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX transitions_slug ON transitions (slug) WHERE is_current = TRUE;
-- Counts changes of transitions: nodes keep the table in memory and look at this.
INSERT INTO facts (name, value) VALUES ('transitions_generation', '0');

-- Set while a command of the package waits for an answer from outside.
ALTER TABLE packages ADD COLUMN busy_command_id BIGINT;
-- Why a store refused the item.
ALTER TABLE package_items ADD COLUMN denial_reason_id BIGINT;

CREATE TABLE denial_reasons (
    id BIGINT PRIMARY KEY,
    title TEXT NOT NULL UNIQUE,
    remote_id TEXT,
    priority BIGINT,
    is_active BOOLEAN NOT NULL,
    -- 'none': the location is only busy. 'missing': the units are not there, and nobody may promise them.
    stock_effect TEXT NOT NULL,
    excludes_location BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- Units that the books have and the shelf has not. Open ones are quarantined.
CREATE TABLE discrepancies (
    id BIGINT PRIMARY KEY,
    package_item_id BIGINT NOT NULL REFERENCES package_items (id),
    transfer_item_id BIGINT,
    product_id BIGINT NOT NULL,
    location_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    reason TEXT NOT NULL,
    denial_reason_id BIGINT,
    state TEXT NOT NULL,
    command_id BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    closed_us BIGINT,
    closed_by TEXT
);
CREATE INDEX discrepancies_state ON discrepancies (state, id);
CREATE INDEX discrepancies_item ON discrepancies (package_item_id);

-- The carrier's record of a package or a transfer.
CREATE TABLE shipments (
    id BIGINT PRIMARY KEY,
    package_id BIGINT REFERENCES packages (id),
    transfer_id BIGINT REFERENCES transfers (id),
    state TEXT NOT NULL,
    cargo_company TEXT,
    tracking_number TEXT,
    query_number TEXT,
    awb_number TEXT,
    tracking_url TEXT,
    label TEXT,
    -- What the carrier knows it by; the same at every try.
    outside_key TEXT UNIQUE,
    event_seq BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);
CREATE INDEX shipments_package ON shipments (package_id);
CREATE INDEX shipments_transfer ON shipments (transfer_id);

CREATE TABLE invoices (
    package_id BIGINT PRIMARY KEY REFERENCES packages (id),
    number TEXT,
    document_type TEXT,
    document TEXT,
    invoice_date TEXT,
    command_id BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- One-time codes for the hand-over in a store: only the digest is kept.
CREATE TABLE pickup_codes (
    package_id BIGINT PRIMARY KEY REFERENCES packages (id),
    salt BLOB NOT NULL,
    digest BLOB NOT NULL,
    tries_left BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    created_us BIGINT NOT NULL
);

-- Commands that wait, or waited, for an answer from outside; the id is the command's.
CREATE TABLE outside_commands (
    id BIGINT PRIMARY KEY,
    package_id BIGINT NOT NULL REFERENCES packages (id),
    transition_id BIGINT NOT NULL,
    transition_rev BIGINT NOT NULL,
    package_version BIGINT NOT NULL,
    outside_key TEXT NOT NULL,
    actor TEXT NOT NULL,
    attributes TEXT NOT NULL,
    scope TEXT,
    idem_key TEXT,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until_us BIGINT,
    outcome TEXT,
    created_us BIGINT NOT NULL,
    finished_us BIGINT
);
CREATE INDEX outside_commands_state ON outside_commands (state, lease_until_us);
CREATE INDEX outside_commands_package ON outside_commands (package_id);

-- Which command an answer that is kept was of.
ALTER TABLE idempotency_keys ADD COLUMN command_id BIGINT;

CREATE TABLE cancellation_reasons (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    subject TEXT NOT NULL,
    cancellation_type TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    send_to_oms BOOLEAN NOT NULL,
    extra_information_needed BOOLEAN NOT NULL,
    sort_order BIGINT,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- What was asked to be cancelled or refunded, and what became of it.
CREATE TABLE cancellation_plans (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    source TEXT NOT NULL,
    order_id BIGINT REFERENCES orders (id),
    order_omnitron_id BIGINT,
    plan_type TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    created_us BIGINT NOT NULL,
    decided_us BIGINT
);
CREATE INDEX cancellation_plans_order ON cancellation_plans (order_id);

CREATE TABLE cancellation_plan_items (
    id BIGINT PRIMARY KEY,
    plan_id BIGINT NOT NULL REFERENCES cancellation_plans (id),
    order_item_id BIGINT,
    order_item_omnitron_id BIGINT,
    -- Units asked; none: all of the line.
    quantity BIGINT,
    reason_id BIGINT,
    state TEXT NOT NULL,
    outcome TEXT,
    package_id BIGINT
);
CREATE INDEX cancellation_plan_items_plan ON cancellation_plan_items (plan_id);
CREATE INDEX cancellation_plan_items_package ON cancellation_plan_items (package_id);
