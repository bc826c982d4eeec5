-- Version 9: by which the keys are known again that something here was sealed or indexed with.

CREATE TABLE canaries (
    key  TEXT PRIMARY KEY CHECK (length(key) > 0),
    code BLOB NOT NULL CHECK (length(code) = 32)
) STRICT, WITHOUT ROWID;
