-- Version 2: sessions wait to be called, are called again, and are forgotten in time.

ALTER TABLE call_sessions ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('high', 'normal'));
-- NULL while the session is being called, and once it is over.
ALTER TABLE call_sessions ADD COLUMN due_at TEXT CHECK (length(due_at) = 30);
ALTER TABLE call_sessions ADD COLUMN analysis TEXT CHECK (json_valid(analysis));
ALTER TABLE call_sessions ADD COLUMN anonymised_at TEXT CHECK (length(anonymised_at) = 30);

-- 'high' sorts before 'normal'.
CREATE INDEX call_sessions_waiting ON call_sessions (priority, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX call_sessions_of_business ON call_sessions (business_id, started_at);
CREATE INDEX call_sessions_of_customer ON call_sessions (business_id, customer_phone_lookup);
CREATE INDEX call_sessions_ended ON call_sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX customer_verifications_of_customer ON customer_verifications (business_id, phone_lookup);

ALTER TABLE dial_attempts ADD COLUMN outcome TEXT;

CREATE INDEX telephony_provider_logs_by_time ON telephony_provider_logs (timestamp);
CREATE INDEX call_events_by_time ON call_events (timestamp);

-- Events out of the way: read together with the others, never written by a call.
CREATE TABLE call_events_archive (
    position        INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    call_session_id TEXT NOT NULL REFERENCES call_sessions (id) ON DELETE CASCADE,
    event_type      TEXT NOT NULL,
    event_data      TEXT NOT NULL CHECK (json_valid(event_data)),
    timestamp       TEXT NOT NULL CHECK (length(timestamp) = 30),
    source          TEXT NOT NULL,
    metadata        TEXT CHECK (json_valid(metadata))
) STRICT;

CREATE INDEX call_events_archive_of_session ON call_events_archive (call_session_id);

-- Places are given anew in the archive, so that the order is that of time, then archived first, then place.
CREATE VIEW all_call_events AS
    SELECT 0 AS live, * FROM call_events_archive UNION ALL SELECT 1 AS live, * FROM call_events;

CREATE TABLE retention_runs (
    position INTEGER PRIMARY KEY,
    job      TEXT NOT NULL,
    at       TEXT NOT NULL CHECK (length(at) = 30),
    before   TEXT NOT NULL CHECK (length(before) = 30),
    affected INTEGER NOT NULL CHECK (affected >= 0),
    error    TEXT
) STRICT;

-- A decision outlives its session: it holds nothing personal.
ALTER TABLE question_selection_logs ADD COLUMN call_session_id TEXT REFERENCES call_sessions (id) ON DELETE SET NULL;
CREATE UNIQUE INDEX question_selection_logs_of_session ON question_selection_logs (call_session_id)
    WHERE call_session_id IS NOT NULL;
