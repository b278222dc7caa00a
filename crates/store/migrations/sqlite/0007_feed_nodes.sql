-- The process that vouches for the feed to verifiers, and those before it whose answers may still be trusted: `bound`
-- (milliseconds) is how long. One serves at a time, so a row of another is of no use once this one has served for longer.
CREATE TABLE feed_nodes (
    id    BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    bound INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
