-- Version 11: from when on the person of a session wants to be called again.

ALTER TABLE sessions ADD COLUMN call_back_at TEXT CHECK (length(call_back_at) = 30);
