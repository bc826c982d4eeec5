-- Version 5: sessions of any channel and direction. What a survey keeps of a session stands in tables of its own.
-- Sets of words are open: a stored word that the program does not know is an error that names its column.

CREATE TABLE sessions (
    id              TEXT PRIMARY KEY CHECK (length(id) = 36),
    tenant_id       TEXT NOT NULL CHECK (length(tenant_id) = 36),
    channel         TEXT NOT NULL,
    direction       TEXT NOT NULL,
    remote          BLOB,
    remote_lookup   BLOB CHECK (length(remote_lookup) = 16),
    account         TEXT,
    local           TEXT,
    reference       TEXT CHECK (length(reference) > 0),
    conversation_id TEXT CHECK (length(conversation_id) = 36),
    person          BLOB CHECK (length(person) = 16),
    priority        TEXT NOT NULL,
    status          TEXT NOT NULL,
    due_at          TEXT CHECK (length(due_at) = 30),
    started_at      TEXT NOT NULL CHECK (length(started_at) = 30),
    connected_at    TEXT CHECK (length(connected_at) = 30),
    ended_at        TEXT CHECK (length(ended_at) = 30),
    end_reason      TEXT,
    carrier_call    TEXT,
    cost_micros     INTEGER CHECK (cost_micros >= 0),
    recording_url   TEXT,
    metadata        TEXT NOT NULL CHECK (json_valid(metadata)),
    owner_epoch     INTEGER NOT NULL CHECK (owner_epoch >= 1),
    leased_until    TEXT CHECK (length(leased_until) = 30),
    created_at      TEXT NOT NULL CHECK (length(created_at) = 30),
    updated_at      TEXT NOT NULL CHECK (length(updated_at) = 30),
    CHECK ((remote IS NULL) = (remote_lookup IS NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;

INSERT INTO sessions
    SELECT id, business_id, 'voice', 'outbound', customer_phone, customer_phone_lookup, NULL, NULL, verification_id, NULL,
           customer_phone_lookup, priority, status, due_at, started_at, connected_at, ended_at,
           CASE end_reason WHEN 'customer_hangup' THEN 'remote_hangup' ELSE end_reason END,
           telephony_call_id, cost_estimate, recording_url, 'null', owner_epoch, held_until, created_at, updated_at
    FROM call_sessions;

CREATE TABLE session_events (
    position   INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    data       TEXT NOT NULL CHECK (json_valid(data)),
    at         TEXT NOT NULL CHECK (length(at) = 30),
    source     TEXT NOT NULL,
    metadata   TEXT CHECK (json_valid(metadata))
) STRICT;

-- Events out of the way: read together with the others, never written by a call.
CREATE TABLE session_events_archive (
    position   INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    data       TEXT NOT NULL CHECK (json_valid(data)),
    at         TEXT NOT NULL CHECK (length(at) = 30),
    source     TEXT NOT NULL,
    metadata   TEXT CHECK (json_valid(metadata))
) STRICT;

INSERT INTO session_events
    SELECT position, id, call_session_id, event_type,
           CASE event_data ->> '$.reason' WHEN 'customer_hangup' THEN json_set(event_data, '$.reason', 'remote_hangup')
                                          ELSE event_data END,
           timestamp, CASE source WHEN 'customer' THEN 'person' ELSE source END, metadata
    FROM call_events;
INSERT INTO session_events_archive
    SELECT position, id, call_session_id, event_type,
           CASE event_data ->> '$.reason' WHEN 'customer_hangup' THEN json_set(event_data, '$.reason', 'remote_hangup')
                                          ELSE event_data END,
           timestamp, CASE source WHEN 'customer' THEN 'person' ELSE source END, metadata
    FROM call_events_archive;

CREATE TABLE facts (
    session_id    TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL CHECK (seq >= 1),
    epoch         INTEGER NOT NULL CHECK (epoch >= 1),
    at            TEXT NOT NULL CHECK (length(at) = 30),
    offset_micros INTEGER NOT NULL CHECK (offset_micros >= 0),
    fact          TEXT NOT NULL CHECK (json_valid(fact)),
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO facts
    SELECT call_session_id, seq, epoch, at, offset_micros,
           CASE
               WHEN fact ->> '$.fact' IN ('asked', 'answered', 'analysed')
                   THEN json_object('fact', 'custom', 'kind', 'survey.' || (fact ->> '$.fact'),
                                    'data', json_remove(fact, '$.fact'), 'personal', json('true'))
               WHEN fact ->> '$.fact' = 'ended' AND fact ->> '$.reason' = 'customer_hangup'
                   THEN json_set(fact, '$.reason', 'remote_hangup')
               -- How much of a turn was voice was not kept: its length, then.
               WHEN fact ->> '$.fact' = 'heard'
                   THEN json_insert(fact, '$.voiced',
                                    json_object('secs', (fact ->> '$.ended' - fact ->> '$.started') / 1000000,
                                                'nanos', (fact ->> '$.ended' - fact ->> '$.started') % 1000000 * 1000))
               ELSE fact
           END
    FROM journal;

CREATE TABLE attempts (
    position     INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    tenant_id    TEXT NOT NULL CHECK (length(tenant_id) = 36),
    session_id   TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    carrier      TEXT NOT NULL,
    account      TEXT,
    state        TEXT NOT NULL,
    epoch        INTEGER CHECK (epoch >= 1),
    carrier_call TEXT,
    reason       TEXT,
    outcome      TEXT,
    created_at   TEXT NOT NULL CHECK (length(created_at) = 30),
    CHECK ((state = 'planned') = (epoch IS NULL)),
    CHECK ((state = 'accepted') = (carrier_call IS NOT NULL))
) STRICT;

INSERT INTO attempts
    SELECT position, id, business_id, call_session_id, carrier, NULL, state, epoch, carrier_call_id, reason,
           CASE outcome WHEN 'customer_hangup' THEN 'remote_hangup' ELSE outcome END, created_at
    FROM dial_attempts;

CREATE TABLE provider_logs (
    position        INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    session_id      TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    provider        TEXT NOT NULL,
    provider_call   TEXT,
    operation       TEXT NOT NULL,
    request         TEXT NOT NULL CHECK (json_valid(request)),
    response        TEXT NOT NULL CHECK (json_valid(response)),
    status_code     INTEGER CHECK (status_code BETWEEN 0 AND 65535),
    latency_ms      REAL NOT NULL CHECK (latency_ms >= 0),
    success         INTEGER NOT NULL CHECK (success IN (0, 1)),
    error_message   TEXT,
    quality_metrics TEXT CHECK (json_valid(quality_metrics)),
    at              TEXT NOT NULL CHECK (length(at) = 30),
    CHECK (success = 1 OR coalesce(length(error_message), 0) > 0)
) STRICT;

INSERT INTO provider_logs
    SELECT position, id, call_session_id, provider, provider_call_id, operation, request_payload, response_payload,
           status_code, latency_ms, success, error_message, quality_metrics, timestamp
    FROM telephony_provider_logs;

CREATE TABLE survey_calls (
    session_id      TEXT PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    questions_asked TEXT NOT NULL CHECK (json_valid(questions_asked) AND json_type(questions_asked) = 'array'),
    ai_session_id   TEXT,
    transcript      TEXT,
    analysis        TEXT CHECK (json_valid(analysis)),
    anonymised_at   TEXT CHECK (length(anonymised_at) = 30),
    updated_at      TEXT CHECK (length(updated_at) = 30)
) STRICT, WITHOUT ROWID;

INSERT INTO survey_calls
    SELECT id, questions_asked, ai_session_id, transcript, analysis, anonymised_at, updated_at FROM call_sessions;

CREATE TABLE survey_responses (
    position          INTEGER PRIMARY KEY,
    id                TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    session_id        TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    question_id       TEXT NOT NULL CHECK (length(question_id) = 36),
    question_text     TEXT NOT NULL,
    response_text     TEXT NOT NULL,
    response_duration REAL NOT NULL CHECK (response_duration BETWEEN 0 AND 60),
    confidence_score  REAL CHECK (confidence_score BETWEEN 0 AND 1),
    sentiment_score   REAL CHECK (sentiment_score BETWEEN -1 AND 1),
    asked_at          TEXT NOT NULL CHECK (length(asked_at) = 30),
    responded_at      TEXT CHECK (length(responded_at) = 30),
    ai_analysis       TEXT CHECK (json_valid(ai_analysis)),
    UNIQUE (session_id, question_id),
    CHECK (asked_at <= responded_at)
) STRICT;

INSERT INTO survey_responses SELECT * FROM call_responses;

-- A decision outlives its session: it holds nothing personal.
CREATE TABLE survey_selections (
    position            INTEGER PRIMARY KEY,
    id                  TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    tenant_id           TEXT NOT NULL CHECK (length(tenant_id) = 36),
    session_id          TEXT REFERENCES sessions (id) ON DELETE SET NULL,
    customer_count      INTEGER NOT NULL CHECK (customer_count >= 1),
    selected_questions  TEXT NOT NULL CHECK (json_valid(selected_questions) AND json_type(selected_questions) = 'array'),
    selection_algorithm TEXT NOT NULL,
    selection_criteria  TEXT NOT NULL CHECK (json_valid(selection_criteria)),
    time_budget_seconds REAL NOT NULL CHECK (time_budget_seconds BETWEEN 60 AND 120),
    estimated_duration  REAL NOT NULL CHECK (estimated_duration BETWEEN 0 AND time_budget_seconds),
    created_at          TEXT NOT NULL CHECK (length(created_at) = 30)
) STRICT;

INSERT INTO survey_selections
    SELECT position, id, business_id, call_session_id, customer_count, selected_questions, selection_algorithm,
           selection_criteria, time_budget_seconds, estimated_duration, created_at
    FROM question_selection_logs;

-- Nothing refers to the old sessions any more when they are dropped: a cascade would find nothing.
DROP VIEW all_call_events;
DROP TABLE call_events_archive;
DROP TABLE call_events;
DROP TABLE call_responses;
DROP TABLE journal;
DROP TABLE dial_attempts;
DROP TABLE telephony_provider_logs;
DROP TABLE question_selection_logs;
DROP TABLE call_sessions;

CREATE UNIQUE INDEX sessions_by_reference ON sessions (tenant_id, reference)
    WHERE direction = 'outbound' AND reference IS NOT NULL;
CREATE INDEX sessions_open ON sessions (created_at) WHERE status IN ('initiated', 'connecting', 'in_progress');
-- 'high' sorts before 'normal'.
CREATE INDEX sessions_due ON sessions (tenant_id, priority, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX sessions_of_tenant ON sessions (tenant_id, started_at);
CREATE INDEX sessions_of_remote ON sessions (tenant_id, remote_lookup);
CREATE INDEX sessions_of_person ON sessions (tenant_id, person);
CREATE INDEX sessions_ended ON sessions (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_failed ON sessions (ended_at, id) WHERE status = 'failed';
CREATE INDEX sessions_recorded ON sessions (ended_at, id) WHERE recording_url IS NOT NULL;
CREATE INDEX session_events_of_session ON session_events (session_id);
CREATE INDEX session_events_by_time ON session_events (at);
CREATE INDEX session_events_archive_of_session ON session_events_archive (session_id);
CREATE UNIQUE INDEX attempts_by_call ON attempts (carrier, coalesce(account, ''), carrier_call)
    WHERE carrier_call IS NOT NULL;
CREATE INDEX attempts_of_session ON attempts (session_id, created_at);
CREATE INDEX provider_logs_of_session ON provider_logs (session_id, at);
CREATE INDEX provider_logs_by_time ON provider_logs (at);
CREATE UNIQUE INDEX survey_selections_of_session ON survey_selections (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX survey_selections_of_tenant ON survey_selections (tenant_id, created_at);

-- Places are given anew in the archive, so that the order is that of time, then archived first, then place.
CREATE VIEW all_session_events AS
    SELECT 0 AS live, * FROM session_events_archive UNION ALL SELECT 1 AS live, * FROM session_events;
