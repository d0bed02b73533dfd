-- Webhooks: who is told of which changes, how each fares, and every delivery with all of its tries.

-- event_types, callback, additional_headers, config and retry are JSON. The secrets stand nowhere else. failures are those in a
-- row, of all deliveries; the lease says which node sends for it. A hook that was removed stays until its deliveries are gone.
CREATE TABLE hooks (
    id BIGINT PRIMARY KEY,
    event_types TEXT NOT NULL,
    target_url TEXT NOT NULL,
    secret_key TEXT,
    former_secret_key TEXT,
    former_until_us BIGINT,
    callback TEXT NOT NULL,
    additional_headers TEXT NOT NULL,
    config TEXT NOT NULL,
    retry TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    -- Changes behind this position are told, and behind types_from by the types as they are now.
    from_position BIGINT NOT NULL,
    types_from BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    paused_until_us BIGINT,
    last_error TEXT,
    last_error_us BIGINT,
    last_ok_us BIGINT,
    lease_owner TEXT,
    lease_until_us BIGINT,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL,
    deleted_us BIGINT
);

-- Changes up to this position have their deliveries; those that ended before swept_us may be gone. Whoever makes deliveries or
-- lets a hook begin holds this row.
CREATE TABLE hook_cursor (
    id BIGINT PRIMARY KEY,
    position BIGINT NOT NULL,
    swept_us BIGINT NOT NULL
);
INSERT INTO hook_cursor (id, position, swept_us) SELECT 1, position, 0 FROM event_head;

-- What is told of a change, made when it is first sent and kept for all tries of all hooks; compressed.
CREATE TABLE hook_payloads (
    event_uuid TEXT PRIMARY KEY,
    body BLOB NOT NULL,
    created_us BIGINT NOT NULL
);

-- state is waiting, delivered or given_up. tries are those since it was last asked for, attempts all. part orders the types of one change: the
-- general one first. prev_seq is the sequence of the record's change that this hook was told of before.
CREATE TABLE hook_deliveries (
    id BIGINT PRIMARY KEY,
    hook_id BIGINT NOT NULL REFERENCES hooks (id),
    position BIGINT NOT NULL,
    part BIGINT NOT NULL,
    uuid TEXT NOT NULL,
    type TEXT NOT NULL,
    event_uuid TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    prev_seq BIGINT,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_us BIGINT NOT NULL,
    published_by TEXT,
    created_us BIGINT NOT NULL,
    finished_us BIGINT
);
CREATE UNIQUE INDEX hook_deliveries_uuid ON hook_deliveries (uuid, hook_id);
CREATE INDEX hook_deliveries_state ON hook_deliveries (hook_id, state, position, part);
CREATE INDEX hook_deliveries_record ON hook_deliveries (entity, entity_id, hook_id, position, part);
CREATE INDEX hook_deliveries_position ON hook_deliveries (position, part, id);

CREATE TABLE hook_attempts (
    delivery_id BIGINT NOT NULL REFERENCES hook_deliveries (id),
    -- From 1, over all times it was asked for.
    n BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    -- Null: there was no answer, and error says why.
    status BIGINT,
    error TEXT,
    answer TEXT,
    PRIMARY KEY (delivery_id, n)
);
CREATE INDEX hook_payloads_created ON hook_payloads (created_us);
