-- Times are milliseconds since the Unix epoch. Ids are UUIDs of 16 bytes. An rv is one 63-bit number: epoch, then seq.

CREATE TABLE users (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email         TEXT    NOT NULL,                 -- as typed
    email_key     TEXT    NOT NULL UNIQUE,          -- canonical
    name          TEXT,
    password_hash TEXT    NOT NULL,                 -- PHC string
    roles         TEXT    NOT NULL DEFAULT '[]',    -- JSON array of strings
    status        TEXT    NOT NULL CHECK (status IN ('active', 'disabled')),
    min_rv        INTEGER NOT NULL DEFAULT 0,       -- every older credential of the user is dead
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id         BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    strategy        TEXT    NOT NULL CHECK (strategy IN ('session', 'hybrid')),
    transport       TEXT    NOT NULL CHECK (transport IN ('cookie', 'body')),
    remember        INTEGER NOT NULL CHECK (remember IN (0, 1)),
    secret          BLOB    NOT NULL CHECK (length(secret) = 16),  -- half of every mac; the other half is no row of any database
    generation      INTEGER NOT NULL,
    floor           INTEGER NOT NULL,
    spent           BLOB    NOT NULL,               -- the last four: flag, hash, time
    keyed           INTEGER NOT NULL CHECK (keyed IN (0, 1)),
    strikes         INTEGER NOT NULL,
    jkt             TEXT,
    rv              INTEGER NOT NULL,
    written_epoch   INTEGER NOT NULL,
    device          TEXT    NOT NULL,
    ip              TEXT,
    user_agent      TEXT,
    auth_time       INTEGER NOT NULL,
    amr             TEXT    NOT NULL DEFAULT '["pwd"]',
    created_at      INTEGER NOT NULL,
    last_used_at    INTEGER NOT NULL,
    idle_timeout    INTEGER NOT NULL,               -- milliseconds
    expires_at      INTEGER NOT NULL,
    revoked_rv      INTEGER,
    revoked_reason  TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_live ON sessions (user_id, rv) WHERE revoked_rv IS NULL;
CREATE INDEX sessions_address ON sessions (user_id, ip);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE feed_head (
    one             INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    head            INTEGER NOT NULL,
    floor           INTEGER NOT NULL DEFAULT 0,     -- raised by everything_before
    retention       INTEGER NOT NULL DEFAULT 0,     -- milliseconds that events are kept
    retention_until INTEGER NOT NULL DEFAULT 0      -- nothing shorter counts before
) STRICT;

CREATE TABLE feed_events (
    rv         INTEGER NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    key        BLOB    NOT NULL,                    -- an id, or a key id as UTF-8; empty for everything_before
    keep_until INTEGER NOT NULL,
    UNIQUE (kind, key)
) STRICT;

CREATE INDEX feed_events_keep_until ON feed_events (keep_until);

INSERT INTO feed_head (one, head) VALUES (1, 0);
