-- Calendars of locations, safety stock, geocodes.

-- JSON; null: always open.
ALTER TABLE locations ADD COLUMN calendar TEXT;

-- Units that are never promised. Null is any; the most specific row counts.
CREATE TABLE safety_stocks (
    id BIGINT PRIMARY KEY,
    location_id BIGINT REFERENCES locations (id),
    channel_id BIGINT REFERENCES channels (id),
    product_id BIGINT REFERENCES products (id),
    units BIGINT NOT NULL CHECK (units >= 0),
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);
-- A null equals no other in a unique index: what is not named counts as 0.
CREATE UNIQUE INDEX safety_stocks_place
    ON safety_stocks (COALESCE(product_id, 0), COALESCE(location_id, 0), COALESCE(channel_id, 0));

-- What a geocoding service answered, by the SHA-256 of the address: no address stands here.
CREATE TABLE geocodes (
    address_hash BLOB PRIMARY KEY,
    found BOOLEAN NOT NULL,
    lat_udeg BIGINT,
    lon_udeg BIGINT,
    provider TEXT NOT NULL,
    at_us BIGINT NOT NULL
);

-- Jobs that a brand defines: what runs when.
CREATE TABLE schedules (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    cron TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    action TEXT NOT NULL,
    parameters TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    next_run_us BIGINT,
    last_run_us BIGINT,
    last_outcome TEXT,
    failures BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);
CREATE INDEX schedules_next ON schedules (is_active, next_run_us);
