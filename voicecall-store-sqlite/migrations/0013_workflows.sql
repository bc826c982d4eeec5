-- Version 13: events, the workflows that they start, and where they are delivered to.

-- One row as long as somebody takes events up; none are kept before.
CREATE TABLE event_keeping (
    keeps INTEGER PRIMARY KEY CHECK (keeps = 1)
) STRICT;

-- What happened and nobody has taken up. It goes with its session.
CREATE TABLE pending_events (
    position        INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    tenant_id       TEXT NOT NULL CHECK (length(tenant_id) = 36),
    session_id      TEXT REFERENCES sessions (id) ON DELETE CASCADE,
    conversation_id TEXT,
    person          BLOB CHECK (length(person) = 16),
    event           TEXT NOT NULL CHECK (json_valid(event))
) STRICT;

CREATE INDEX pending_events_of_session ON pending_events (session_id);

CREATE TABLE subscriptions (
    id         TEXT PRIMARY KEY CHECK (length(id) = 36),
    tenant_id  TEXT NOT NULL CHECK (length(tenant_id) = 36),
    url        TEXT NOT NULL,
    events     TEXT NOT NULL CHECK (json_valid(events) AND json_type(events) = 'array'),
    state      TEXT NOT NULL,
    generation INTEGER NOT NULL CHECK (generation >= 0),
    rotated_at TEXT NOT NULL CHECK (length(rotated_at) = 30),
    created_at TEXT NOT NULL CHECK (length(created_at) = 30),
    updated_at TEXT NOT NULL CHECK (length(updated_at) = 30)
) STRICT;

CREATE INDEX subscriptions_of_tenant ON subscriptions (tenant_id, created_at, id);

-- A run goes with the session of its event, and with the subscription it is delivered to.
CREATE TABLE runs (
    id              TEXT PRIMARY KEY CHECK (length(id) = 36),
    tenant_id       TEXT NOT NULL CHECK (length(tenant_id) = 36),
    workflow        TEXT NOT NULL CHECK (length(workflow) > 0),
    version         INTEGER NOT NULL,
    definition      TEXT NOT NULL,
    lane            TEXT NOT NULL,
    subscription_id TEXT REFERENCES subscriptions (id) ON DELETE CASCADE,
    session_id      TEXT REFERENCES sessions (id) ON DELETE CASCADE,
    conversation_id TEXT,
    person          BLOB CHECK (length(person) = 16),
    event           TEXT NOT NULL CHECK (json_valid(event)),
    state           TEXT NOT NULL,
    due_at          TEXT NOT NULL CHECK (length(due_at) = 30),
    leased_until    TEXT CHECK (length(leased_until) = 30),
    epoch           INTEGER NOT NULL,
    steps           TEXT NOT NULL CHECK (json_valid(steps) AND json_type(steps) = 'object'),
    created_at      TEXT NOT NULL CHECK (length(created_at) = 30),
    updated_at      TEXT NOT NULL CHECK (length(updated_at) = 30)
) STRICT;

CREATE INDEX runs_of_tenant ON runs (tenant_id, created_at, id);
CREATE INDEX runs_of_tenant_in_state ON runs (tenant_id, state, created_at, id);
CREATE INDEX runs_waiting ON runs (lane, due_at, id) WHERE state = 'waiting';
CREATE INDEX runs_old ON runs (state, updated_at, id);
CREATE INDEX runs_of_session ON runs (session_id);
CREATE INDEX runs_of_subscription ON runs (subscription_id);
CREATE INDEX runs_of_conversation ON runs (conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX runs_of_person ON runs (tenant_id, person) WHERE person IS NOT NULL;
CREATE INDEX pending_events_of_conversation ON pending_events (conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX pending_events_of_person ON pending_events (tenant_id, person) WHERE person IS NOT NULL;
