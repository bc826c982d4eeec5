-- Instants are nanoseconds since 1970 in UTC, so that none is rounded: `to_timestamp(at / 1e9)` shows one. Documents are
-- `json` and not `jsonb`, which would rewrite numbers. Sets of words are open: a stored word that the program does not know
-- is an error that names its column. Records are checked before they come here; the CHECKs are a second wall. `position`
-- keeps the order of insertion. Each row of a tenant names it, and a row's session is the same tenant's by its foreign key.

-- The tenant of the running transaction; none outside of one, where no row is seen.
CREATE FUNCTION voicecall.tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('voicecall.tenant', true), '')::uuid $$;

-- Lets a table with a column tenant_id show each tenant its own rows, to everybody, its owner included.
CREATE FUNCTION voicecall.protect(tenants regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenants);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tenants);
    EXECUTE format('CREATE POLICY tenant ON %s TO voicecall_tenant
        USING (tenant_id = (SELECT voicecall.tenant())) WITH CHECK (tenant_id = (SELECT voicecall.tenant()))', tenants);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO voicecall_tenant', tenants);
END
$$;
REVOKE EXECUTE ON FUNCTION voicecall.protect(regclass) FROM PUBLIC;

CREATE TABLE voicecall.sessions (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    channel         text NOT NULL,
    direction       text NOT NULL,
    remote          bytea,
    remote_lookup   bytea CHECK (length(remote_lookup) = 16),
    account         text,
    local           text,
    reference       text CHECK (reference <> ''),
    conversation_id uuid,
    person          bytea CHECK (length(person) = 16),
    priority        text NOT NULL,
    status          text NOT NULL,
    due_at          bigint,
    started_at      bigint NOT NULL,
    connected_at    bigint,
    ended_at        bigint,
    end_reason      text,
    carrier_call    text,
    cost_micros     bigint CHECK (cost_micros >= 0),
    recording_url   text,
    metadata        json NOT NULL,
    owner_epoch     bigint NOT NULL CHECK (owner_epoch >= 1),
    leased_until    bigint,
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL,
    UNIQUE (tenant_id, id),
    CHECK ((remote IS NULL) = (remote_lookup IS NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE UNIQUE INDEX sessions_by_reference ON voicecall.sessions (tenant_id, reference)
    WHERE direction = 'outbound' AND reference IS NOT NULL;
CREATE INDEX sessions_open ON voicecall.sessions (created_at, id) WHERE ended_at IS NULL;
-- 'high' sorts before 'normal'.
CREATE INDEX sessions_due ON voicecall.sessions (tenant_id, priority, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX sessions_of_tenant ON voicecall.sessions (tenant_id, started_at DESC, id DESC);
CREATE INDEX sessions_of_remote ON voicecall.sessions (tenant_id, remote_lookup);
CREATE INDEX sessions_of_person ON voicecall.sessions (tenant_id, person);
CREATE INDEX sessions_ended ON voicecall.sessions (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_failed ON voicecall.sessions (ended_at, id) WHERE status = 'failed';
CREATE INDEX sessions_recorded ON voicecall.sessions (ended_at, id) WHERE recording_url IS NOT NULL;

CREATE TABLE voicecall.session_events (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid NOT NULL UNIQUE,
    tenant_id  uuid NOT NULL,
    session_id uuid NOT NULL,
    kind       text NOT NULL,
    data       json NOT NULL,
    at         bigint NOT NULL,
    source     text NOT NULL,
    metadata   json,
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX session_events_of_session ON voicecall.session_events (tenant_id, session_id, at);
CREATE INDEX session_events_by_time ON voicecall.session_events (at, position);

-- Events out of the way: read together with the others, never written by a call. Places are given anew here, so that the
-- order is that of time, then archived first, then place.
CREATE TABLE voicecall.session_events_archive (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid NOT NULL UNIQUE,
    tenant_id  uuid NOT NULL,
    session_id uuid NOT NULL,
    kind       text NOT NULL,
    data       json NOT NULL,
    at         bigint NOT NULL,
    source     text NOT NULL,
    metadata   json,
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX session_events_archive_of_session ON voicecall.session_events_archive (tenant_id, session_id, at);

CREATE TABLE voicecall.facts (
    tenant_id     uuid NOT NULL,
    session_id    uuid NOT NULL,
    seq           bigint NOT NULL CHECK (seq >= 1),
    epoch         bigint NOT NULL CHECK (epoch >= 1),
    at            bigint NOT NULL,
    offset_micros bigint NOT NULL CHECK (offset_micros >= 0),
    fact          json NOT NULL,
    PRIMARY KEY (tenant_id, session_id, seq),
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE voicecall.attempts (
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           uuid NOT NULL UNIQUE,
    tenant_id    uuid NOT NULL,
    session_id   uuid NOT NULL,
    carrier      text NOT NULL,
    account      text,
    state        text NOT NULL,
    epoch        bigint CHECK (epoch >= 1),
    carrier_call text,
    reason       text,
    outcome      text,
    created_at   bigint NOT NULL,
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE,
    CHECK ((state = 'planned') = (epoch IS NULL)),
    CHECK ((state = 'accepted') = (carrier_call IS NOT NULL))
);
CREATE UNIQUE INDEX attempts_by_call ON voicecall.attempts (carrier, coalesce(account, ''), carrier_call)
    WHERE carrier_call IS NOT NULL;
CREATE INDEX attempts_of_session ON voicecall.attempts (tenant_id, session_id, created_at);

CREATE TABLE voicecall.provider_logs (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              uuid NOT NULL UNIQUE,
    tenant_id       uuid NOT NULL,
    session_id      uuid NOT NULL,
    provider        text NOT NULL,
    provider_call   text,
    operation       text NOT NULL,
    request         json NOT NULL,
    response        json NOT NULL,
    status_code     bigint CHECK (status_code BETWEEN 0 AND 65535),
    latency_nanos   bigint NOT NULL CHECK (latency_nanos >= 0),
    success         boolean NOT NULL,
    error_message   text,
    quality_metrics json,
    at              bigint NOT NULL,
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE,
    CHECK (success OR coalesce(error_message, '') <> '')
);
CREATE INDEX provider_logs_of_session ON voicecall.provider_logs (tenant_id, session_id, at);
CREATE INDEX provider_logs_by_time ON voicecall.provider_logs (at);

-- Who asked not to be called any more. A person is a keyed hash; no number stands here. It outlives sessions.
CREATE TABLE voicecall.do_not_call (
    tenant_id uuid NOT NULL,
    person    bytea NOT NULL CHECK (length(person) = 16),
    since     bigint NOT NULL,
    PRIMARY KEY (tenant_id, person)
);

-- What one process tells the one that runs a session.
CREATE TABLE voicecall.signals (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    session_id uuid NOT NULL,
    signal     json NOT NULL,
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX signals_of_session ON voicecall.signals (tenant_id, session_id);

-- Who is being called, and how often people were, by a keyed hash of the number. It outlives sessions.
CREATE TABLE voicecall.contacts (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number     bytea NOT NULL CHECK (length(number) = 16),
    tenant_id  uuid NOT NULL,
    -- Of what is erased nothing is left that leads to it.
    session_id uuid,
    at         bigint NOT NULL,
    -- Whether the call was ordered, as far as anybody knows.
    ordered    boolean NOT NULL,
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE SET NULL (session_id)
);
CREATE INDEX contacts_by_number ON voicecall.contacts (number, at);
CREATE INDEX contacts_by_tenant ON voicecall.contacts (tenant_id, at);
CREATE INDEX contacts_of_session ON voicecall.contacts (tenant_id, session_id, position);
CREATE INDEX contacts_by_time ON voicecall.contacts (at);

-- By which the keys are known again that something here was sealed or indexed with.
CREATE TABLE voicecall.canaries (
    key  text PRIMARY KEY CHECK (key <> ''),
    code bytea NOT NULL CHECK (length(code) = 32)
);

CREATE TABLE voicecall.retention_runs (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job      text NOT NULL,
    at       bigint NOT NULL,
    before   bigint NOT NULL,
    affected bigint NOT NULL CHECK (affected >= 0),
    error    text
);

SELECT voicecall.protect(name::regclass) FROM unnest(ARRAY[
    'voicecall.sessions', 'voicecall.session_events', 'voicecall.session_events_archive', 'voicecall.facts',
    'voicecall.attempts', 'voicecall.provider_logs', 'voicecall.do_not_call', 'voicecall.signals', 'voicecall.contacts'
]) AS name;
-- What a tenant's role needs nothing of, or less.
REVOKE ALL ON voicecall.signals, voicecall.contacts FROM voicecall_tenant;
GRANT SELECT (position, tenant_id, session_id), UPDATE (ordered) ON voicecall.contacts TO voicecall_tenant;
REVOKE INSERT, UPDATE ON voicecall.session_events_archive FROM voicecall_tenant;
REVOKE UPDATE ON voicecall.session_events, voicecall.facts, voicecall.provider_logs FROM voicecall_tenant;

-- Who runs which session.
CREATE POLICY queue ON voicecall.sessions TO voicecall_queue USING (true) WITH CHECK (true);
CREATE POLICY queue ON voicecall.session_events TO voicecall_queue USING (true) WITH CHECK (true);
CREATE POLICY queue ON voicecall.session_events_archive FOR SELECT TO voicecall_queue USING (true);
CREATE POLICY queue ON voicecall.do_not_call FOR SELECT TO voicecall_queue USING (true);
CREATE POLICY queue ON voicecall.signals TO voicecall_queue USING (true) WITH CHECK (true);
CREATE POLICY queue ON voicecall.contacts TO voicecall_queue USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (status, due_at, ended_at, end_reason, owner_epoch, leased_until, updated_at)
    ON voicecall.sessions TO voicecall_queue;
GRANT SELECT (tenant_id, session_id, at), INSERT ON voicecall.session_events TO voicecall_queue;
GRANT SELECT (tenant_id, session_id, at) ON voicecall.session_events_archive TO voicecall_queue;
GRANT SELECT ON voicecall.do_not_call TO voicecall_queue;
-- Whoever locks rows, as who takes signals and forgets old contacts, needs the right to change some column.
GRANT SELECT, INSERT, UPDATE (ordered), DELETE ON voicecall.contacts TO voicecall_queue;
GRANT SELECT, INSERT, UPDATE (signal), DELETE ON voicecall.signals TO voicecall_queue;

-- Whose a carrier's call is, and nothing else.
CREATE POLICY routing ON voicecall.attempts FOR SELECT TO voicecall_routing USING (true);
GRANT SELECT (id, tenant_id, session_id, carrier, account, carrier_call) ON voicecall.attempts TO voicecall_routing;

-- Forgetting what is old.
CREATE POLICY maintenance ON voicecall.sessions TO voicecall_maintenance USING (true) WITH CHECK (true);
CREATE POLICY maintenance ON voicecall.session_events TO voicecall_maintenance USING (true) WITH CHECK (true);
CREATE POLICY maintenance ON voicecall.session_events_archive TO voicecall_maintenance USING (true) WITH CHECK (true);
CREATE POLICY maintenance ON voicecall.provider_logs TO voicecall_maintenance USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (recording_url, remote, updated_at), DELETE ON voicecall.sessions TO voicecall_maintenance;
GRANT SELECT, DELETE ON voicecall.session_events TO voicecall_maintenance;
GRANT INSERT ON voicecall.session_events_archive TO voicecall_maintenance;
GRANT SELECT (position, at), DELETE ON voicecall.provider_logs TO voicecall_maintenance;
GRANT SELECT, INSERT ON voicecall.retention_runs TO voicecall_maintenance;
GRANT SELECT, INSERT, DELETE ON voicecall.canaries TO voicecall_maintenance;
