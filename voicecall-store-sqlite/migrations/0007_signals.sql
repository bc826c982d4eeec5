-- Version 7: what one process tells the one that runs a session.

CREATE TABLE signals (
    id         INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    signal     TEXT NOT NULL CHECK (json_valid(signal))
) STRICT;

CREATE INDEX signals_by_session ON signals (session_id);
