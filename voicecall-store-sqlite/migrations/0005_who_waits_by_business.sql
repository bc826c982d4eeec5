-- Version 5: who waits is found business by business, so that a business with many hides nobody else's.

-- 'high' sorts before 'normal'.
CREATE INDEX call_sessions_due ON call_sessions (business_id, priority, due_at, id) WHERE due_at IS NOT NULL;
DROP INDEX call_sessions_waiting;
