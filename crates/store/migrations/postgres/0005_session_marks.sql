-- What SQL knows of a session whose row is in Redis. Rows that are in this database have none.
CREATE TABLE session_marks (
    id            BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    user_id       BYTEA   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    version       BIGINT  NOT NULL,             -- how often it was written
    rv            BIGINT  NOT NULL DEFAULT 0,   -- the row's own is at least this: it was kept by a user_before
    change_number BIGINT,                       -- how many privilege changes the row had
    change_base   BIGINT,                       -- the version of the row in Redis that the last one changed
    change_row    BYTEA,                        -- what that one made of it
    ended_rv      BIGINT,
    ended_at      BIGINT,                       -- milliseconds since 1970
    ended_reason  TEXT,
    until         BIGINT  NOT NULL              -- no row of this session is good after that
);

CREATE INDEX session_marks_until ON session_marks (until);
