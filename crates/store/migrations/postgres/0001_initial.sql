-- Times are milliseconds since the Unix epoch. Ids are UUIDs of 16 bytes. An rv is one 63-bit number: epoch, then seq.
-- Numbers of 32 bits without a sign are BIGINT here.

CREATE TABLE users (
    id            BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    email         TEXT    NOT NULL,                 -- as typed
    email_key     TEXT    NOT NULL UNIQUE,          -- canonical
    name          TEXT,
    password_hash TEXT    NOT NULL,                 -- PHC string
    roles         TEXT    NOT NULL DEFAULT '[]',    -- JSON array of strings
    status        TEXT    NOT NULL CHECK (status IN ('active', 'disabled')),
    min_rv        BIGINT  NOT NULL DEFAULT 0,       -- every older credential of the user is dead
    created_at    BIGINT  NOT NULL
);

-- Rotations and uses change no indexed column; with room in each page they stay within it (HOT).
CREATE TABLE sessions (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    user_id         BYTEA   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    strategy        TEXT    NOT NULL CHECK (strategy IN ('session', 'hybrid')),
    transport       TEXT    NOT NULL CHECK (transport IN ('cookie', 'body')),
    remember        BOOLEAN NOT NULL,
    secret          BYTEA   NOT NULL CHECK (octet_length(secret) = 16),  -- half of every mac; the other half is no row of any database
    generation      BIGINT  NOT NULL,
    floor           BIGINT  NOT NULL,
    spent           BYTEA   NOT NULL,               -- the last four: flag, hash, time
    keyed           BOOLEAN NOT NULL,
    strikes         BIGINT  NOT NULL,
    jkt             TEXT,
    rv              BIGINT  NOT NULL,
    written_epoch   BIGINT  NOT NULL,
    device          TEXT    NOT NULL,
    ip              TEXT,
    user_agent      TEXT,
    auth_time       BIGINT  NOT NULL,
    amr             TEXT    NOT NULL DEFAULT '["pwd"]',
    created_at      BIGINT  NOT NULL,
    last_used_at    BIGINT  NOT NULL,
    idle_timeout    BIGINT  NOT NULL,               -- milliseconds
    expires_at      BIGINT  NOT NULL,
    revoked_rv      BIGINT,
    revoked_reason  TEXT
) WITH (fillfactor = 80);

CREATE INDEX sessions_live ON sessions (user_id, rv) WHERE revoked_rv IS NULL;
CREATE INDEX sessions_address ON sessions (user_id, ip);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE feed_head (
    one             INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    head            BIGINT  NOT NULL,
    floor           BIGINT  NOT NULL DEFAULT 0,     -- raised by everything_before
    retention       BIGINT  NOT NULL DEFAULT 0,     -- milliseconds that events are kept
    retention_until BIGINT  NOT NULL DEFAULT 0,     -- nothing shorter counts before
    lineage         TEXT    NOT NULL DEFAULT ''     -- which life of which server moved it last; another begins an epoch
) WITH (fillfactor = 10);

CREATE TABLE feed_events (
    rv         BIGINT  NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    key        BYTEA   NOT NULL,                    -- an id, or a key id as UTF-8; empty for everything_before
    keep_until BIGINT  NOT NULL,
    UNIQUE (kind, key)
);

CREATE INDEX feed_events_keep_until ON feed_events (keep_until);

INSERT INTO feed_head (one, head) VALUES (1, 0);
