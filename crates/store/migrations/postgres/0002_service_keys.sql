-- Keys that programs of the operator's own show. The key itself is not here, only the hash of its secret.
CREATE TABLE service_keys (
    id         BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    name       TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,                    -- words with spaces between
    hash       BYTEA   NOT NULL CHECK (octet_length(hash) = 32),
    created_at BIGINT  NOT NULL,                    -- milliseconds since 1970
    revoked_at BIGINT
);

CREATE UNIQUE INDEX service_keys_name ON service_keys (name) WHERE revoked_at IS NULL;
