-- From when on the person of a session wants to be called again.
ALTER TABLE voicecall.sessions ADD COLUMN call_back_at bigint;
