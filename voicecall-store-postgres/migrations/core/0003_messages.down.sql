DROP TABLE voicecall.opt_outs, voicecall.messages, voicecall.participant_channels, voicecall.participants, voicecall.conversations;
DROP INDEX voicecall.sessions_of_conversation, voicecall.sessions_open;
CREATE INDEX sessions_open ON voicecall.sessions (created_at, id) WHERE ended_at IS NULL;
