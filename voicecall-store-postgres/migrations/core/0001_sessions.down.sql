DROP TABLE voicecall.canaries, voicecall.retention_runs, voicecall.contacts, voicecall.signals, voicecall.do_not_call, voicecall.provider_logs,
    voicecall.attempts, voicecall.facts, voicecall.session_events_archive, voicecall.session_events, voicecall.sessions;
DROP FUNCTION voicecall.protect(regclass);
DROP FUNCTION voicecall.tenant();
