-- The base schema. One text for SQLite and PostgreSQL: store/src/dialect.rs translates the few type
-- names that differ. Times are microseconds since 1970 UTC (_us), money is minor units, coordinates
-- are micro-degrees, JSON is text. Migrations only add, because old nodes run meanwhile.

CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    started_us BIGINT NOT NULL,
    heartbeat_us BIGINT NOT NULL
);

-- Work that one node at a time does, for example polling the hub.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until_us BIGINT NOT NULL
);

CREATE TABLE users (
    id BIGINT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL
);

-- API tokens: only the SHA-256 is kept.
CREATE TABLE tokens (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_us BIGINT NOT NULL,
    expires_us BIGINT,
    revoked_us BIGINT
);
CREATE INDEX tokens_user ON tokens (user_id);

CREATE TABLE one_time_links (
    hash BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    used_us BIGINT
);

CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    idem_key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (scope, idem_key)
);

CREATE TABLE settings (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    json_value TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- Small facts of the installation: the poll watermark, what data the demo was made with.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE setup_tasks (
    name TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    lease_owner TEXT,
    lease_until_us BIGINT,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    error TEXT,
    requested_us BIGINT,
    finished_us BIGINT
);

CREATE TABLE countries (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    name TEXT NOT NULL,
    code TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    lat_udeg BIGINT,
    lon_udeg BIGINT,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

CREATE TABLE cities (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    country_id BIGINT NOT NULL REFERENCES countries (id),
    name TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    lat_udeg BIGINT,
    lon_udeg BIGINT,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);
CREATE INDEX cities_country ON cities (country_id);

CREATE TABLE townships (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    city_id BIGINT NOT NULL REFERENCES cities (id),
    name TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    lat_udeg BIGINT,
    lon_udeg BIGINT,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);
CREATE INDEX townships_city ON townships (city_id);

CREATE TABLE districts (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    city_id BIGINT NOT NULL REFERENCES cities (id),
    township_id BIGINT NOT NULL REFERENCES townships (id),
    name TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    lat_udeg BIGINT,
    lon_udeg BIGINT,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);
CREATE INDEX districts_township ON districts (township_id);

CREATE TABLE channels (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    name TEXT NOT NULL,
    channel_type TEXT NOT NULL,
    configuration TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- A changed address or customer of the hub is a new row: orders keep what they were sent with.
CREATE TABLE addresses (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT,
    content_hash BLOB NOT NULL,
    title TEXT,
    first_name TEXT,
    last_name TEXT,
    phone TEXT,
    email TEXT,
    country_id BIGINT,
    city_id BIGINT,
    township_id BIGINT,
    district_id BIGINT,
    line TEXT,
    postcode TEXT,
    notes TEXT,
    company_name TEXT,
    lat_udeg BIGINT,
    lon_udeg BIGINT,
    created_us BIGINT NOT NULL,
    UNIQUE (omnitron_id, content_hash)
);

CREATE TABLE customers (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT,
    content_hash BLOB NOT NULL,
    first_name TEXT,
    last_name TEXT,
    email TEXT,
    phone TEXT,
    customer_type TEXT,
    created_us BIGINT NOT NULL,
    UNIQUE (omnitron_id, content_hash)
);

CREATE TABLE products (
    id BIGINT PRIMARY KEY,
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    base_code TEXT,
    barcode TEXT,
    attributes TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- The hub's products by its pk. Two of them may share a SKU, and then one product here.
CREATE TABLE hub_products (
    omnitron_id BIGINT PRIMARY KEY,
    product_id BIGINT NOT NULL REFERENCES products (id)
);
CREATE INDEX hub_products_product ON hub_products (product_id);

CREATE TABLE locations (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    erp_code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    address_id BIGINT REFERENCES addresses (id),
    is_fulfillment_center BOOLEAN NOT NULL,
    is_pickup_location BOOLEAN NOT NULL,
    is_delivery_location BOOLEAN NOT NULL,
    is_return_available BOOLEAN NOT NULL,
    is_fast_delivery_available BOOLEAN NOT NULL,
    is_shipper BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    priority BIGINT NOT NULL,
    max_quota BIGINT,
    engine BIGINT,
    email TEXT,
    daytime_phone TEXT,
    evening_phone TEXT,
    fax_number TEXT,
    targeted_packaging_minutes BIGINT,
    targeted_exit_minutes BIGINT,
    conf TEXT NOT NULL,
    tags TEXT NOT NULL,
    hub_hash BLOB,
    event_seq BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- What changes with every package, apart from what people configure.
CREATE TABLE location_loads (
    location_id BIGINT PRIMARY KEY REFERENCES locations (id),
    quota BIGINT NOT NULL CHECK (quota >= 0)
);

CREATE TABLE scenarios (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_active BOOLEAN NOT NULL,
    priority BIGINT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- One row a use case that changed something: who, when, where. Effects point at it.
CREATE TABLE commands (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    node TEXT NOT NULL,
    at_us BIGINT NOT NULL
);

CREATE TABLE stocks (
    product_id BIGINT NOT NULL,
    location_id BIGINT NOT NULL,
    on_hand BIGINT NOT NULL CHECK (on_hand >= 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    quarantined BIGINT NOT NULL CHECK (quarantined >= 0),
    PRIMARY KEY (product_id, location_id),
    CHECK (reserved + quarantined <= on_hand)
);

CREATE TABLE stock_ledger (
    id BIGINT PRIMARY KEY,
    product_id BIGINT NOT NULL,
    location_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    d_on_hand BIGINT NOT NULL,
    d_reserved BIGINT NOT NULL,
    d_quarantined BIGINT NOT NULL,
    reservation_id BIGINT,
    command_id BIGINT NOT NULL
);
CREATE INDEX stock_ledger_place ON stock_ledger (product_id, location_id);

CREATE TABLE orders (
    id BIGINT PRIMARY KEY,
    omnitron_id BIGINT UNIQUE,
    channel_id BIGINT NOT NULL REFERENCES channels (id),
    number TEXT NOT NULL,
    hub_status BIGINT NOT NULL,
    placed_us BIGINT NOT NULL,
    customer_id BIGINT,
    shipping_address_id BIGINT,
    billing_address_id BIGINT,
    currency TEXT NOT NULL,
    amount_minor BIGINT,
    shipping_amount_minor BIGINT,
    discount_amount_minor BIGINT,
    shipping_option TEXT,
    payment_option TEXT,
    delivery_type TEXT,
    delivery_range TEXT,
    cargo_company BIGINT,
    tracking_number TEXT,
    carrier_shipping_code TEXT,
    notes TEXT,
    language_code TEXT,
    order_type TEXT,
    extra TEXT NOT NULL,
    shipping_name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    packages_made BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    command_id BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL,
    UNIQUE (channel_id, number)
);
CREATE INDEX orders_number ON orders (number);
CREATE INDEX orders_created ON orders (created_us, id);

CREATE TABLE order_items (
    id BIGINT PRIMARY KEY,
    order_id BIGINT NOT NULL REFERENCES orders (id),
    line BIGINT NOT NULL,
    omnitron_id BIGINT UNIQUE,
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    quantity_cancelled BIGINT NOT NULL CHECK (quantity_cancelled >= 0),
    price_minor BIGINT,
    discount_minor BIGINT,
    retail_price_minor BIGINT,
    price_currency TEXT,
    tax_rate TEXT,
    attributes TEXT NOT NULL
);
CREATE INDEX order_items_order ON order_items (order_id);

-- The planning record of an order; its id is the order's.
CREATE TABLE plans (
    id BIGINT PRIMARY KEY REFERENCES orders (id),
    state TEXT NOT NULL,
    reason_code TEXT,
    reason TEXT,
    tries BIGINT NOT NULL,
    scenario_id BIGINT,
    scenario_version BIGINT,
    units_out_of_stock BIGINT NOT NULL,
    last_tried_us BIGINT,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);
CREATE INDEX plans_state ON plans (state, id);

-- The input of a batch of plans, once: canonical JSON, compressed, with its SHA-256.
CREATE TABLE decision_batches (
    id BIGINT PRIMARY KEY,
    snapshot BLOB NOT NULL,
    snapshot_hash BLOB NOT NULL,
    created_us BIGINT NOT NULL
);

-- n is the sequence of the order's event that tells of the decision.
CREATE TABLE decisions (
    plan_id BIGINT NOT NULL REFERENCES plans (id),
    n BIGINT NOT NULL,
    batch_id BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    input_hash BLOB NOT NULL,
    scenario_id BIGINT,
    scenario_version BIGINT,
    decision TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (plan_id, n)
);

CREATE TABLE packages (
    id BIGINT PRIMARY KEY,
    order_id BIGINT NOT NULL REFERENCES orders (id),
    n BIGINT NOT NULL,
    number TEXT NOT NULL,
    location_id BIGINT NOT NULL REFERENCES locations (id),
    state BIGINT NOT NULL,
    held_state BIGINT,
    holds_slot BOOLEAN NOT NULL,
    log_seq BIGINT NOT NULL,
    log_head BLOB NOT NULL,
    event_seq BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL,
    UNIQUE (order_id, n)
);
CREATE INDEX packages_number ON packages (number);
CREATE INDEX packages_created ON packages (created_us, id);
CREATE INDEX packages_location ON packages (location_id, state);
CREATE INDEX packages_state ON packages (state, id);

CREATE TABLE package_items (
    id BIGINT PRIMARY KEY,
    package_id BIGINT NOT NULL REFERENCES packages (id),
    order_item_id BIGINT NOT NULL REFERENCES order_items (id),
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    state BIGINT NOT NULL
);
CREATE INDEX package_items_package ON package_items (package_id);
CREATE INDEX package_items_order_item ON package_items (order_item_id);

-- A promise of stock: exactly one owner, and an end. What was seen at the grant stays on it.
CREATE TABLE reservations (
    id BIGINT PRIMARY KEY,
    package_item_id BIGINT NOT NULL REFERENCES package_items (id),
    location_id BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    on_hand_seen BIGINT NOT NULL,
    reserved_after BIGINT NOT NULL,
    closed_reason TEXT
);
CREATE INDEX reservations_owner ON reservations (package_item_id);

CREATE TABLE transitions (
    id BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    entity TEXT NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    code TEXT NOT NULL,
    from_state BIGINT,
    to_state BIGINT NOT NULL,
    is_system BOOLEAN NOT NULL,
    PRIMARY KEY (id, rev)
);

-- The planner's own steps; nobody can delete them.
INSERT INTO transitions (id, rev, entity, name, slug, code, from_state, to_state, is_system) VALUES
    (1, 1, 'package', 'Planned', 'SYSTEM_PLANNED', 'SYSTEM', NULL, 100, TRUE),
    (2, 1, 'package', 'Planned in parts', 'SYSTEM_PLANNED_IN_PARTS', 'SYSTEM', NULL, 150, TRUE),
    (3, 1, 'package', 'Planned without stock', 'SYSTEM_PLANNED_WITHOUT_STOCK', 'SYSTEM', NULL, 920, TRUE);

CREATE TABLE transition_log (
    id BIGINT PRIMARY KEY,
    entity TEXT NOT NULL,
    entity_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    old_state BIGINT,
    new_state BIGINT NOT NULL,
    transition_id BIGINT NOT NULL,
    transition_rev BIGINT NOT NULL,
    command_id BIGINT NOT NULL,
    actor TEXT NOT NULL,
    attributes TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    salt BLOB,
    personal TEXT,
    personal_digest BLOB NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (entity, entity_id, seq)
);

-- One row a change, in the sequence of its record. position is given after commit, gapless.
CREATE TABLE events (
    id BIGINT PRIMARY KEY,
    entity TEXT NOT NULL,
    entity_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    also TEXT NOT NULL,
    uuid TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    command_id BIGINT NOT NULL,
    actor TEXT NOT NULL,
    delta TEXT NOT NULL,
    position BIGINT UNIQUE,
    UNIQUE (entity, entity_id, seq)
);

CREATE TABLE audit_log (
    id BIGINT PRIMARY KEY,
    entity TEXT NOT NULL,
    entity_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    command_id BIGINT NOT NULL,
    detail TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (entity, entity_id, seq)
);

-- What came in from the hub, by webhook or poll, once an event id.
CREATE TABLE inbox (
    id BIGINT PRIMARY KEY,
    source TEXT NOT NULL,
    event_key TEXT NOT NULL,
    event_type TEXT NOT NULL,
    hub_pk BIGINT NOT NULL,
    modified_us BIGINT,
    payload TEXT,
    state TEXT NOT NULL,
    outcome TEXT,
    received_us BIGINT NOT NULL,
    done_us BIGINT,
    UNIQUE (source, event_key)
);

-- Every hub order ever seen, the version applied, and what became of it.
CREATE TABLE hub_orders (
    hub_pk BIGINT PRIMARY KEY,
    number TEXT NOT NULL,
    modified_us BIGINT NOT NULL,
    content_hash BLOB NOT NULL,
    disposition TEXT NOT NULL,
    reason TEXT,
    order_id BIGINT,
    seen_us BIGINT NOT NULL
);
CREATE INDEX hub_orders_disposition ON hub_orders (disposition);

-- A change at the hub that came too late to be applied; a person decides.
CREATE TABLE hub_changes (
    id BIGINT PRIMARY KEY,
    order_id BIGINT NOT NULL REFERENCES orders (id),
    modified_us BIGINT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    UNIQUE (order_id, modified_us, what)
);

-- Work to do. A finished job leaves in the transaction of its effect.
CREATE TABLE jobs (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    ref_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    sort_key BIGINT NOT NULL,
    sort_tie BIGINT NOT NULL,
    run_at_us BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until_us BIGINT,
    last_error TEXT,
    created_us BIGINT NOT NULL,
    UNIQUE (kind, ref_id)
);
CREATE INDEX jobs_next ON jobs (kind, state, sort_key, sort_tie);
