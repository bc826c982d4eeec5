-- Version 10: conversations, and the messages in them.

CREATE TABLE conversations (
    id           TEXT PRIMARY KEY CHECK (length(id) = 36),
    tenant_id    TEXT NOT NULL CHECK (length(tenant_id) = 36),
    state        TEXT NOT NULL,
    last_message INTEGER NOT NULL CHECK (last_message >= 0),
    memory       TEXT NOT NULL CHECK (json_valid(memory)),
    created_at   TEXT NOT NULL CHECK (length(created_at) = 30),
    updated_at   TEXT NOT NULL CHECK (length(updated_at) = 30)
) STRICT;

CREATE INDEX conversations_of_tenant ON conversations (tenant_id, updated_at, id);

-- A person is in one conversation of a tenant at a time.
CREATE TABLE participants (
    tenant_id       TEXT NOT NULL CHECK (length(tenant_id) = 36),
    person          BLOB NOT NULL CHECK (length(person) = 16),
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    PRIMARY KEY (tenant_id, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX participants_of_conversation ON participants (conversation_id);

-- Over what a person takes part, in the order in which they came.
CREATE TABLE participant_channels (
    position  INTEGER PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    person    BLOB NOT NULL,
    channel   TEXT NOT NULL CHECK (length(channel) > 0),
    UNIQUE (tenant_id, person, channel),
    FOREIGN KEY (tenant_id, person) REFERENCES participants (tenant_id, person) ON DELETE CASCADE
) STRICT;

-- A message goes with its session. Its conversation may be gone before, if whoever it is with had left that.
CREATE TABLE messages (
    id              TEXT PRIMARY KEY CHECK (length(id) = 36),
    tenant_id       TEXT NOT NULL CHECK (length(tenant_id) = 36),
    conversation_id TEXT NOT NULL CHECK (length(conversation_id) = 36),
    session_id      TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    number          INTEGER NOT NULL CHECK (number >= 1),
    channel         TEXT NOT NULL,
    direction       TEXT NOT NULL,
    state           TEXT NOT NULL,
    text            TEXT NOT NULL,
    media           TEXT NOT NULL CHECK (json_valid(media) AND json_type(media) = 'array'),
    key             TEXT,
    despite_opt_out INTEGER NOT NULL CHECK (despite_opt_out IN (0, 1)),
    due_at          TEXT NOT NULL CHECK (length(due_at) = 30),
    carrier         TEXT NOT NULL,
    account         TEXT,
    carrier_id      TEXT,
    error           TEXT,
    at              TEXT NOT NULL CHECK (length(at) = 30),
    updated_at      TEXT NOT NULL CHECK (length(updated_at) = 30),
    UNIQUE (conversation_id, number)
) STRICT;

CREATE UNIQUE INDEX messages_by_carrier ON messages (tenant_id, carrier, coalesce(account, ''), carrier_id)
    WHERE direction = 'inbound';
CREATE UNIQUE INDEX messages_by_key ON messages (tenant_id, key) WHERE key IS NOT NULL;
CREATE INDEX messages_of_session ON messages (session_id, number);
CREATE INDEX messages_to_answer ON messages (tenant_id, at, number, id) WHERE state = 'received';
CREATE INDEX messages_unanswered ON messages (session_id, number) WHERE state = 'received';
CREATE INDEX messages_to_send ON messages (tenant_id, due_at, id) WHERE state = 'queued';
CREATE INDEX messages_unsent ON messages (session_id, number) WHERE state IN ('queued', 'sending');
CREATE INDEX messages_unsettled ON messages (updated_at, id) WHERE state IN ('sending', 'unknown');

-- Who asked for no more messages, and over what. A person is a keyed hash; no number stands here. It outlives sessions.
CREATE TABLE opt_outs (
    tenant_id TEXT NOT NULL CHECK (length(tenant_id) = 36),
    person    BLOB NOT NULL CHECK (length(person) = 16),
    channel   TEXT NOT NULL CHECK (length(channel) > 0),
    since     TEXT NOT NULL CHECK (length(since) = 30),
    PRIMARY KEY (tenant_id, person, channel)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_conversation ON sessions (conversation_id, id)
    WHERE status IN ('initiated', 'connecting', 'in_progress');
-- Sessions of messages may be open for long, and are no calls to be recovered.
DROP INDEX sessions_open;
CREATE INDEX sessions_open ON sessions (created_at)
    WHERE status IN ('initiated', 'connecting', 'in_progress') AND channel = 'voice';
