-- Version 3: who owns a session says until when, so that several processes can share the file.

ALTER TABLE call_sessions ADD COLUMN held_until TEXT CHECK (length(held_until) = 30);
