ALTER TABLE voicecall.sessions DROP COLUMN call_back_at;
