-- Outside stock engines: other companies' systems that say what is on hand.

-- config is JSON with its secrets, which stand nowhere else. version counts what decides which places
-- an engine feeds and how: a reading asked for under another version is not stored. The health columns
-- are shared by all nodes: failures in a row, and until when nobody calls.
CREATE TABLE stock_engines (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    config TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    allow_partial BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    open_until_us BIGINT,
    last_error TEXT,
    last_error_us BIGINT,
    last_ok_us BIGINT,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- When an engine was last asked for a product, at all of its locations at once: one time stands for
-- them all. The units it read are stocks.on_hand.
CREATE TABLE stock_readings (
    engine_id BIGINT NOT NULL,
    product_id BIGINT NOT NULL,
    read_at_us BIGINT NOT NULL,
    PRIMARY KEY (engine_id, product_id)
);

-- No engine existed before, so no location can have meant one.
UPDATE locations SET engine = NULL WHERE engine IS NOT NULL;
CREATE INDEX locations_engine ON locations (engine);

-- An engine may read fewer units than are promised: the shortage is real and must be visible. engine_id
-- names the engine whose reading on_hand is; null is the built-in one, where nothing is promised twice.
CREATE TABLE stocks_of_engines (
    product_id BIGINT NOT NULL,
    location_id BIGINT NOT NULL,
    on_hand BIGINT NOT NULL CHECK (on_hand >= 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    quarantined BIGINT NOT NULL CHECK (quarantined >= 0),
    engine_id BIGINT,
    PRIMARY KEY (product_id, location_id),
    CHECK (engine_id IS NOT NULL OR reserved + quarantined <= on_hand)
);
INSERT INTO stocks_of_engines (product_id, location_id, on_hand, reserved, quarantined)
SELECT product_id, location_id, on_hand, reserved, quarantined FROM stocks;
DROP TABLE stocks;
ALTER TABLE stocks_of_engines RENAME TO stocks;
