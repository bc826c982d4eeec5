-- What a survey keeps beside sessions. Columns are as those of sessions; durations are nanoseconds.

CREATE TABLE voicecall.survey_calls (
    tenant_id       uuid NOT NULL,
    session_id      uuid NOT NULL,
    questions_asked json NOT NULL CHECK (json_typeof(questions_asked) = 'array'),
    ai_session_id   text,
    transcript      text,
    analysis        json,
    anonymised_at   bigint,
    updated_at      bigint,
    PRIMARY KEY (tenant_id, session_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE voicecall.survey_responses (
    position         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id               uuid NOT NULL UNIQUE,
    tenant_id        uuid NOT NULL,
    session_id       uuid NOT NULL,
    question_id      uuid NOT NULL,
    question_text    text NOT NULL,
    response_text    text NOT NULL,
    spoken_nanos     bigint NOT NULL CHECK (spoken_nanos BETWEEN 0 AND 60000000000),
    confidence_score real CHECK (confidence_score BETWEEN 0 AND 1),
    sentiment_score  real CHECK (sentiment_score BETWEEN -1 AND 1),
    asked_at         bigint NOT NULL,
    responded_at     bigint,
    ai_analysis      json,
    UNIQUE (tenant_id, session_id, question_id),
    CHECK (asked_at <= responded_at),
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE voicecall.question_configurations (
    position           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                 uuid NOT NULL UNIQUE,
    tenant_id          uuid NOT NULL,
    question_text      text NOT NULL CHECK (length(question_text) BETWEEN 10 AND 500),
    frequency          bigint NOT NULL CHECK (frequency BETWEEN 1 AND 100),
    priority           text NOT NULL CHECK (priority IN ('high', 'medium', 'low')),
    department_tags    json NOT NULL CHECK (json_array_length(department_tags) > 0),
    active_from        bigint,
    active_until       bigint,
    is_active          boolean NOT NULL,
    max_response_nanos bigint NOT NULL CHECK (max_response_nanos BETWEEN 10000000000 AND 60000000000),
    follow_up_prompts  json NOT NULL CHECK (json_typeof(follow_up_prompts) = 'array'),
    created_at         bigint NOT NULL,
    CHECK (active_from <= active_until)
);
CREATE INDEX question_configurations_of_tenant ON voicecall.question_configurations (tenant_id, created_at);

CREATE TABLE voicecall.customer_counts (
    tenant_id      uuid PRIMARY KEY,
    customer_count bigint NOT NULL CHECK (customer_count >= 1)
);

-- A decision outlives its session: it holds nothing personal.
CREATE TABLE voicecall.survey_selections (
    position            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                  uuid NOT NULL UNIQUE,
    tenant_id           uuid NOT NULL,
    session_id          uuid,
    customer_count      bigint NOT NULL CHECK (customer_count >= 1),
    selected_questions  json NOT NULL CHECK (json_typeof(selected_questions) = 'array'),
    selection_algorithm text NOT NULL,
    selection_criteria  json NOT NULL,
    time_budget_nanos   bigint NOT NULL CHECK (time_budget_nanos BETWEEN 60000000000 AND 120000000000),
    estimated_nanos     bigint NOT NULL,
    created_at          bigint NOT NULL,
    CHECK (estimated_nanos BETWEEN 0 AND time_budget_nanos),
    FOREIGN KEY (tenant_id, session_id) REFERENCES voicecall.sessions (tenant_id, id) ON DELETE SET NULL (session_id)
);
CREATE UNIQUE INDEX survey_selections_of_session ON voicecall.survey_selections (tenant_id, session_id)
    WHERE session_id IS NOT NULL;
CREATE INDEX survey_selections_of_tenant ON voicecall.survey_selections (tenant_id, created_at);

CREATE TABLE voicecall.business_contexts (
    tenant_id         uuid PRIMARY KEY,
    store_info        json NOT NULL,
    question_settings json NOT NULL,
    call_preferences  json NOT NULL
);

CREATE TABLE voicecall.customer_verifications (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL,
    purchased_at  bigint NOT NULL,
    amount_micros bigint NOT NULL,
    phone         bytea NOT NULL,
    phone_lookup  bytea NOT NULL CHECK (length(phone_lookup) = 16),
    status        text NOT NULL CHECK (status IN ('pending', 'verified', 'rejected'))
);
CREATE INDEX customer_verifications_of_customer ON voicecall.customer_verifications (tenant_id, phone_lookup);

SELECT voicecall.protect(name::regclass) FROM unnest(ARRAY[
    'voicecall.survey_calls', 'voicecall.survey_responses', 'voicecall.question_configurations',
    'voicecall.customer_counts', 'voicecall.survey_selections', 'voicecall.business_contexts',
    'voicecall.customer_verifications'
]) AS name;

CREATE POLICY maintenance ON voicecall.survey_calls FOR SELECT TO voicecall_maintenance USING (true);
CREATE POLICY maintenance ON voicecall.survey_responses FOR SELECT TO voicecall_maintenance USING (true);
CREATE POLICY maintenance ON voicecall.facts FOR SELECT TO voicecall_maintenance USING (true);
CREATE POLICY maintenance ON voicecall.customer_verifications TO voicecall_maintenance USING (true) WITH CHECK (true);
GRANT SELECT (id, tenant_id, phone, phone_lookup), UPDATE (phone) ON voicecall.customer_verifications TO voicecall_maintenance;
GRANT SELECT ON voicecall.survey_calls, voicecall.survey_responses, voicecall.facts TO voicecall_maintenance;
