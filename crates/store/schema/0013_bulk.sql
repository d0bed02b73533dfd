-- One command on many records, run by a job: what each row came to is kept, and rows that failed can be run again.
CREATE TABLE bulk_runs (
    id BIGINT PRIMARY KEY,
    entity TEXT NOT NULL,
    -- What is asked of each record, as the command takes it.
    body TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    finished_us BIGINT
);
CREATE INDEX bulk_runs_created ON bulk_runs (created_us);

CREATE TABLE bulk_rows (
    run_id BIGINT NOT NULL REFERENCES bulk_runs (id),
    n BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    -- The answer; null while the row waits.
    status BIGINT,
    answer TEXT,
    PRIMARY KEY (run_id, n)
);
