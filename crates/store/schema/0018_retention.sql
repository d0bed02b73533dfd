-- Changes up to this position may be gone: they are kept as long as RETENTION says.
ALTER TABLE event_head ADD COLUMN forgotten BIGINT NOT NULL DEFAULT 0;
