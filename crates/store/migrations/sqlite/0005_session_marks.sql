-- What SQL knows of a session whose row is in Redis. Rows that are in this database have none.
CREATE TABLE session_marks (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id       BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    version       INTEGER NOT NULL,             -- how often it was written
    rv            INTEGER NOT NULL DEFAULT 0,   -- the row's own is at least this: it was kept by a user_before
    change_number INTEGER,                      -- how many privilege changes the row had
    change_base   INTEGER,                      -- the version of the row in Redis that the last one changed
    change_row    BLOB,                         -- what that one made of it
    ended_rv      INTEGER,
    ended_at      INTEGER,                      -- milliseconds since 1970
    ended_reason  TEXT,
    until         INTEGER NOT NULL              -- no row of this session is good after that
) STRICT, WITHOUT ROWID;

CREATE INDEX session_marks_until ON session_marks (until);
