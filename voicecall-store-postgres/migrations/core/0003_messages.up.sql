-- Conversations, and the messages in them.

CREATE TABLE voicecall.conversations (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    state        text NOT NULL,
    last_message bigint NOT NULL CHECK (last_message >= 0),
    memory       json NOT NULL,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL,
    UNIQUE (tenant_id, id)
);
CREATE INDEX conversations_of_tenant ON voicecall.conversations (tenant_id, updated_at DESC, id DESC);

-- A person is in one conversation of a tenant at a time.
CREATE TABLE voicecall.participants (
    tenant_id       uuid NOT NULL,
    person          bytea NOT NULL CHECK (length(person) = 16),
    conversation_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, person),
    FOREIGN KEY (tenant_id, conversation_id) REFERENCES voicecall.conversations (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX participants_of_conversation ON voicecall.participants (tenant_id, conversation_id);

-- Over what a person takes part, in the order in which they came.
CREATE TABLE voicecall.participant_channels (
    position  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL,
    person    bytea NOT NULL,
    channel   text NOT NULL CHECK (channel <> ''),
    UNIQUE (tenant_id, person, channel),
    FOREIGN KEY (tenant_id, person) REFERENCES voicecall.participants (tenant_id, person) ON DELETE CASCADE
);

-- A message goes with its session. Its conversation may be gone before, if whoever it is with had left that.
CREATE TABLE voicecall.messages (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL,
    session_id      uuid NOT NULL,
    number          bigint NOT NULL CHECK (number >= 1),
    channel         text NOT NULL,
    direction       text NOT NULL,
    state           text NOT NULL,
    text            text NOT NULL,
    media           json NOT NULL CHECK (json_typeof(media) = 'array'),
    key             text,
    despite_opt_out boolean NOT NULL,
    due_at          bigint NOT NULL,
    carrier         text NOT NULL,
    account         text,
    carrier_id      text,
    error           text,
    at              bigint NOT NULL,
    updated_at      bigint NOT NULL,
    UNIQUE (tenant_id, conversation_id, number),
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX messages_by_carrier ON voicecall.messages (tenant_id, carrier, coalesce(account, ''), carrier_id)
    WHERE direction = 'inbound';
CREATE UNIQUE INDEX messages_by_key ON voicecall.messages (tenant_id, key) WHERE key IS NOT NULL;
CREATE INDEX messages_of_session ON voicecall.messages (tenant_id, session_id, number);
CREATE INDEX messages_to_answer ON voicecall.messages (tenant_id, at, number, id) WHERE state = 'received';
CREATE INDEX messages_unanswered ON voicecall.messages (tenant_id, session_id, number) WHERE state = 'received';
CREATE INDEX messages_to_send ON voicecall.messages (tenant_id, due_at, id) WHERE state = 'queued';
CREATE INDEX messages_unsent ON voicecall.messages (tenant_id, session_id, number) WHERE state IN ('queued', 'sending');
CREATE INDEX messages_unsettled ON voicecall.messages (updated_at, id) WHERE state IN ('sending', 'unknown');

-- Who asked for no more messages, and over what. A person is a keyed hash; no number stands here. It outlives sessions.
CREATE TABLE voicecall.opt_outs (
    tenant_id uuid NOT NULL,
    person    bytea NOT NULL CHECK (length(person) = 16),
    channel   text NOT NULL CHECK (channel <> ''),
    since     bigint NOT NULL,
    PRIMARY KEY (tenant_id, person, channel)
);

CREATE INDEX sessions_of_conversation ON voicecall.sessions (tenant_id, conversation_id, id) WHERE ended_at IS NULL;
-- Sessions of messages may be open for long, and are no calls to be recovered.
DROP INDEX voicecall.sessions_open;
CREATE INDEX sessions_open ON voicecall.sessions (created_at, id) WHERE ended_at IS NULL AND channel = 'voice';

SELECT voicecall.protect(name::regclass) FROM unnest(ARRAY[
    'voicecall.conversations', 'voicecall.participants', 'voicecall.participant_channels', 'voicecall.messages',
    'voicecall.opt_outs'
]) AS name;
-- What was said stays as it was said, and goes with its session.
REVOKE UPDATE, DELETE ON voicecall.messages FROM voicecall_tenant;
GRANT UPDATE (state, due_at, carrier_id, error, updated_at) ON voicecall.messages TO voicecall_tenant;
REVOKE UPDATE ON voicecall.participant_channels, voicecall.opt_outs FROM voicecall_tenant;

-- Which messages wait.
CREATE POLICY queue ON voicecall.messages FOR SELECT TO voicecall_queue USING (true);
GRANT SELECT ON voicecall.messages TO voicecall_queue;
