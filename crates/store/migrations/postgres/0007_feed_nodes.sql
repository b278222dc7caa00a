-- The processes that vouch for the feed to verifiers. `bound` (milliseconds): how long an answer of theirs is trusted.
CREATE TABLE feed_nodes (
    id      BYTEA       NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    bound   BIGINT      NOT NULL,
    beat    TIMESTAMPTZ NOT NULL,
    left_at TIMESTAMPTZ
);

-- With feed.fenced each read of the head writes here: a primary that was left behind by its standbys cannot.
CREATE TABLE feed_beat (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    beat BIGINT  NOT NULL
) WITH (fillfactor = 10);

INSERT INTO feed_beat (one, beat) VALUES (1, 0);
