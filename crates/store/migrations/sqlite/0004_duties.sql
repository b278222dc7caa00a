-- What one server does for all of them, and until when it has taken that on (milliseconds since 1970).
CREATE TABLE duties (
    name  TEXT    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO duties (name, until) VALUES ('cleanup', 0);
