-- Version 1. Ids are UUIDs as text; instants are RFC 3339 in UTC with nine digits of the second, so that text sorts as
-- time; durations are numbers of the unit in the column's name, seconds where it names none; money is in millionths.
-- Records are checked before they come here; the CHECKs are a second wall. `position` keeps the order of insertion.

CREATE TABLE call_sessions (
    id                    TEXT PRIMARY KEY CHECK (length(id) = 36),
    business_id           TEXT NOT NULL CHECK (length(business_id) = 36),
    customer_phone        BLOB NOT NULL,
    customer_phone_lookup BLOB NOT NULL CHECK (length(customer_phone_lookup) = 16),
    verification_id       TEXT NOT NULL CHECK (length(verification_id) = 36),
    status                TEXT NOT NULL
        CHECK (status IN ('initiated', 'connecting', 'in_progress', 'completed', 'timeout', 'failed')),
    started_at            TEXT NOT NULL CHECK (length(started_at) = 30),
    connected_at          TEXT CHECK (length(connected_at) = 30),
    ended_at              TEXT CHECK (length(ended_at) = 30),
    duration_seconds      INTEGER CHECK (duration_seconds BETWEEN 0 AND 120),
    end_reason            TEXT,
    questions_asked       TEXT NOT NULL CHECK (json_valid(questions_asked) AND json_type(questions_asked) = 'array'),
    ai_session_id         TEXT,
    telephony_call_id     TEXT,
    cost_estimate         INTEGER CHECK (cost_estimate >= 0),
    recording_url         TEXT,
    transcript            TEXT,
    owner_epoch           INTEGER NOT NULL CHECK (owner_epoch >= 1),
    created_at            TEXT NOT NULL CHECK (length(created_at) = 30),
    updated_at            TEXT NOT NULL CHECK (length(updated_at) = 30),
    UNIQUE (business_id, verification_id),
    CHECK ((status IN ('completed', 'timeout', 'failed')) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;

CREATE INDEX call_sessions_open ON call_sessions (created_at)
    WHERE status IN ('initiated', 'connecting', 'in_progress');

CREATE TABLE call_events (
    position        INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    call_session_id TEXT NOT NULL REFERENCES call_sessions (id) ON DELETE CASCADE,
    event_type      TEXT NOT NULL
        CHECK (event_type IN ('initiated', 'connecting', 'answered', 'ai_connected', 'question_asked',
                              'response_received', 'warning_sent', 'timeout', 'completed', 'failed')),
    event_data      TEXT NOT NULL CHECK (json_valid(event_data)),
    timestamp       TEXT NOT NULL CHECK (length(timestamp) = 30),
    source          TEXT NOT NULL CHECK (source IN ('system', 'telephony', 'ai', 'customer')),
    metadata        TEXT CHECK (json_valid(metadata))
) STRICT;

CREATE INDEX call_events_of_session ON call_events (call_session_id);

CREATE TABLE call_responses (
    position         INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    call_session_id  TEXT NOT NULL REFERENCES call_sessions (id) ON DELETE CASCADE,
    question_id      TEXT NOT NULL CHECK (length(question_id) = 36),
    question_text    TEXT NOT NULL,
    response_text    TEXT NOT NULL,
    response_duration REAL NOT NULL CHECK (response_duration BETWEEN 0 AND 60),
    confidence_score REAL CHECK (confidence_score BETWEEN 0 AND 1),
    sentiment_score  REAL CHECK (sentiment_score BETWEEN -1 AND 1),
    asked_at         TEXT NOT NULL CHECK (length(asked_at) = 30),
    responded_at     TEXT CHECK (length(responded_at) = 30),
    ai_analysis      TEXT CHECK (json_valid(ai_analysis)),
    UNIQUE (call_session_id, question_id),
    CHECK (asked_at <= responded_at)
) STRICT;

CREATE TABLE journal (
    call_session_id TEXT NOT NULL REFERENCES call_sessions (id) ON DELETE CASCADE,
    seq             INTEGER NOT NULL CHECK (seq >= 1),
    epoch           INTEGER NOT NULL CHECK (epoch >= 1),
    at              TEXT NOT NULL CHECK (length(at) = 30),
    offset_micros   INTEGER NOT NULL CHECK (offset_micros >= 0),
    fact            TEXT NOT NULL CHECK (json_valid(fact)),
    PRIMARY KEY (call_session_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE question_configurations (
    position          INTEGER PRIMARY KEY,
    id                TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    business_id       TEXT NOT NULL CHECK (length(business_id) = 36),
    question_text     TEXT NOT NULL CHECK (length(question_text) BETWEEN 10 AND 500),
    frequency         INTEGER NOT NULL CHECK (frequency BETWEEN 1 AND 100),
    priority          TEXT NOT NULL CHECK (priority IN ('high', 'medium', 'low')),
    department_tags   TEXT NOT NULL CHECK (json_valid(department_tags) AND json_array_length(department_tags) > 0),
    active_from       TEXT CHECK (length(active_from) = 30),
    active_until      TEXT CHECK (length(active_until) = 30),
    is_active         INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    max_response_time REAL NOT NULL CHECK (max_response_time BETWEEN 10 AND 60),
    follow_up_prompts TEXT NOT NULL CHECK (json_valid(follow_up_prompts) AND json_type(follow_up_prompts) = 'array'),
    created_at        TEXT NOT NULL CHECK (length(created_at) = 30),
    CHECK (active_from <= active_until)
) STRICT;

CREATE INDEX question_configurations_of_business ON question_configurations (business_id, created_at);

CREATE TABLE customer_counts (
    business_id    TEXT PRIMARY KEY CHECK (length(business_id) = 36),
    customer_count INTEGER NOT NULL CHECK (customer_count >= 1)
) STRICT;

CREATE TABLE question_selection_logs (
    position            INTEGER PRIMARY KEY,
    id                  TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    business_id         TEXT NOT NULL CHECK (length(business_id) = 36),
    customer_count      INTEGER NOT NULL CHECK (customer_count >= 1),
    selected_questions  TEXT NOT NULL CHECK (json_valid(selected_questions) AND json_type(selected_questions) = 'array'),
    selection_algorithm TEXT NOT NULL,
    selection_criteria  TEXT NOT NULL CHECK (json_valid(selection_criteria)),
    time_budget_seconds REAL NOT NULL CHECK (time_budget_seconds BETWEEN 60 AND 120),
    estimated_duration  REAL NOT NULL CHECK (estimated_duration BETWEEN 0 AND time_budget_seconds),
    created_at          TEXT NOT NULL CHECK (length(created_at) = 30)
) STRICT;

CREATE INDEX question_selection_logs_of_business ON question_selection_logs (business_id, created_at);

CREATE TABLE telephony_provider_logs (
    position         INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    call_session_id  TEXT NOT NULL REFERENCES call_sessions (id) ON DELETE CASCADE,
    provider         TEXT NOT NULL,
    provider_call_id TEXT,
    operation        TEXT NOT NULL CHECK (operation IN ('initiate', 'connect', 'record', 'hangup', 'webhook')),
    request_payload  TEXT NOT NULL CHECK (json_valid(request_payload)),
    response_payload TEXT NOT NULL CHECK (json_valid(response_payload)),
    status_code      INTEGER CHECK (status_code BETWEEN 0 AND 65535),
    latency_ms       REAL NOT NULL CHECK (latency_ms >= 0),
    success          INTEGER NOT NULL CHECK (success IN (0, 1)),
    error_message    TEXT,
    quality_metrics  TEXT CHECK (json_valid(quality_metrics)),
    timestamp        TEXT NOT NULL CHECK (length(timestamp) = 30),
    CHECK (success = 1 OR coalesce(length(error_message), 0) > 0)
) STRICT;

CREATE INDEX telephony_provider_logs_of_session ON telephony_provider_logs (call_session_id, timestamp);

CREATE TABLE business_contexts (
    business_id       TEXT PRIMARY KEY CHECK (length(business_id) = 36),
    store_info        TEXT NOT NULL CHECK (json_valid(store_info)),
    question_settings TEXT NOT NULL CHECK (json_valid(question_settings)),
    call_preferences  TEXT NOT NULL CHECK (json_valid(call_preferences))
) STRICT;

CREATE TABLE customer_verifications (
    id            TEXT PRIMARY KEY CHECK (length(id) = 36),
    business_id   TEXT NOT NULL CHECK (length(business_id) = 36),
    purchase_time TEXT NOT NULL CHECK (length(purchase_time) = 30),
    amount        INTEGER NOT NULL,
    phone         BLOB NOT NULL,
    phone_lookup  BLOB NOT NULL CHECK (length(phone_lookup) = 16),
    status        TEXT NOT NULL CHECK (status IN ('pending', 'verified', 'rejected'))
) STRICT;

CREATE TABLE dial_attempts (
    position        INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    business_id     TEXT NOT NULL CHECK (length(business_id) = 36),
    call_session_id TEXT NOT NULL REFERENCES call_sessions (id) ON DELETE CASCADE,
    carrier         TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('planned', 'sending', 'accepted', 'rejected', 'unknown')),
    epoch           INTEGER CHECK (epoch >= 1),
    carrier_call_id TEXT,
    reason          TEXT,
    created_at      TEXT NOT NULL CHECK (length(created_at) = 30),
    UNIQUE (carrier, carrier_call_id),
    CHECK ((state = 'planned') = (epoch IS NULL)),
    CHECK ((state = 'accepted') = (carrier_call_id IS NOT NULL))
) STRICT;

CREATE INDEX dial_attempts_of_session ON dial_attempts (call_session_id, created_at);
