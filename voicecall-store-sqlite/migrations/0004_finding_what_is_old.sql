-- Version 4: what retention jobs and summaries look for every hour is found without reading every session there ever was.

CREATE INDEX call_sessions_failed ON call_sessions (ended_at, id) WHERE status = 'failed';
CREATE INDEX call_sessions_recorded ON call_sessions (ended_at, id) WHERE recording_url IS NOT NULL;
CREATE INDEX call_sessions_not_anonymised ON call_sessions (ended_at, id) WHERE anonymised_at IS NULL;
