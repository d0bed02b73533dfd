-- People in the back office: sessions, what each prefers, the views each keeps.

-- Only the SHA-256 of a session's secret is kept.
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_us BIGINT NOT NULL,
    seen_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_end ON sessions (expires_us);

ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE users ADD COLUMN theme TEXT;
ALTER TABLE users ADD COLUMN time_zone TEXT;

-- A list with its filters under a name. Without a user it is everybody's.
CREATE TABLE saved_views (
    id BIGINT PRIMARY KEY,
    user_id BIGINT REFERENCES users (id),
    list TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    created_us BIGINT NOT NULL
);
CREATE INDEX saved_views_list ON saved_views (list, user_id, id);
