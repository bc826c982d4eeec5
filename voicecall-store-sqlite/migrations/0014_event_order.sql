-- Version 14: the order of a session's events stands in an index, so that a page is found without reading the events before it.

DROP INDEX session_events_of_session;
DROP INDEX session_events_archive_of_session;
CREATE INDEX session_events_of_session ON session_events (session_id, at);
CREATE INDEX session_events_archive_of_session ON session_events_archive (session_id, at);
