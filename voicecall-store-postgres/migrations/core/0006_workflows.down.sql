DROP TABLE voicecall.runs, voicecall.subscriptions, voicecall.pending_events, voicecall.event_keeping;
