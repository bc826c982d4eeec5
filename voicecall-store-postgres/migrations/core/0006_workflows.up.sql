-- Events, the workflows that they start, and where they are delivered to.

-- One row as long as somebody takes events up; none are kept before.
CREATE TABLE voicecall.event_keeping (
    keeps boolean PRIMARY KEY CHECK (keeps)
);

-- What happened and nobody has taken up. It goes with its session.
CREATE TABLE voicecall.pending_events (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              uuid NOT NULL UNIQUE,
    tenant_id       uuid NOT NULL,
    session_id      uuid,
    conversation_id uuid,
    person          bytea CHECK (length(person) = 16),
    event           json NOT NULL,
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX pending_events_of_session ON voicecall.pending_events (tenant_id, session_id);
CREATE INDEX pending_events_of_conversation ON voicecall.pending_events (tenant_id, conversation_id)
    WHERE conversation_id IS NOT NULL;
CREATE INDEX pending_events_of_person ON voicecall.pending_events (tenant_id, person) WHERE person IS NOT NULL;

CREATE TABLE voicecall.subscriptions (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    url        text NOT NULL,
    events     json NOT NULL CHECK (json_typeof(events) = 'array'),
    state      text NOT NULL,
    generation bigint NOT NULL CHECK (generation >= 0),
    rotated_at bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (tenant_id, id)
);
CREATE INDEX subscriptions_of_tenant ON voicecall.subscriptions (tenant_id, created_at, id);

-- A run goes with the session of its event, and with the subscription it is delivered to.
CREATE TABLE voicecall.runs (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    workflow        text NOT NULL CHECK (workflow <> ''),
    version         bigint NOT NULL,
    definition      text NOT NULL,
    lane            text NOT NULL COLLATE "C",
    subscription_id uuid,
    session_id      uuid,
    conversation_id uuid,
    person          bytea CHECK (length(person) = 16),
    event           json NOT NULL,
    state           text NOT NULL,
    due_at          bigint NOT NULL,
    leased_until    bigint,
    epoch           bigint NOT NULL,
    steps           json NOT NULL CHECK (json_typeof(steps) = 'object'),
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL,
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, subscription_id) REFERENCES voicecall.subscriptions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX runs_of_tenant ON voicecall.runs (tenant_id, created_at DESC, id DESC);
CREATE INDEX runs_of_tenant_in_state ON voicecall.runs (tenant_id, state, created_at DESC, id DESC);
CREATE INDEX runs_waiting ON voicecall.runs (lane, due_at, id) WHERE state = 'waiting';
CREATE INDEX runs_old ON voicecall.runs (state, updated_at, id);
CREATE INDEX runs_of_session ON voicecall.runs (tenant_id, session_id);
CREATE INDEX runs_of_subscription ON voicecall.runs (tenant_id, subscription_id);
CREATE INDEX runs_of_conversation ON voicecall.runs (tenant_id, conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX runs_of_person ON voicecall.runs (tenant_id, person) WHERE person IS NOT NULL;

SELECT voicecall.protect(name::regclass) FROM unnest(ARRAY[
    'voicecall.pending_events', 'voicecall.subscriptions', 'voicecall.runs'
]) AS name;
GRANT SELECT ON voicecall.event_keeping TO voicecall_tenant;
-- What happened stays as it happened, and a tenant begins no runs.
REVOKE UPDATE ON voicecall.pending_events FROM voicecall_tenant;
REVOKE INSERT, UPDATE ON voicecall.runs FROM voicecall_tenant;
GRANT UPDATE (state, due_at, leased_until, epoch, steps, updated_at) ON voicecall.runs TO voicecall_tenant;

-- Who takes events up and works on runs.
CREATE POLICY queue ON voicecall.pending_events TO voicecall_queue USING (true) WITH CHECK (true);
CREATE POLICY queue ON voicecall.runs TO voicecall_queue USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON voicecall.event_keeping TO voicecall_queue;
GRANT SELECT, INSERT, DELETE ON voicecall.pending_events TO voicecall_queue;
GRANT SELECT, INSERT, DELETE ON voicecall.runs TO voicecall_queue;
GRANT UPDATE (state, due_at, leased_until, epoch, steps, updated_at) ON voicecall.runs TO voicecall_queue;
