-- Version 8: who is being called, and how often people were, by a keyed hash of the number. It outlives the sessions.

CREATE TABLE contacts (
    id         INTEGER PRIMARY KEY,
    number     BLOB NOT NULL CHECK (length(number) = 16),
    tenant_id  TEXT NOT NULL CHECK (length(tenant_id) = 36),
    -- Of what is erased nothing is left that leads to it.
    session_id TEXT REFERENCES sessions (id) ON DELETE SET NULL,
    at         TEXT NOT NULL CHECK (length(at) = 30),
    -- Whether the call was ordered, as far as anybody knows.
    ordered    INTEGER NOT NULL CHECK (ordered IN (0, 1))
) STRICT;

CREATE INDEX contacts_by_number ON contacts (number, at);
CREATE INDEX contacts_by_tenant ON contacts (tenant_id, at);
CREATE INDEX contacts_by_session ON contacts (session_id);
CREATE INDEX contacts_by_time ON contacts (at);
