-- Version 6: who asked not to be called any more. A person is a keyed hash; no number stands here. What sessions that are
-- still there say is taken over.

CREATE TABLE do_not_call (
    tenant_id TEXT NOT NULL CHECK (length(tenant_id) = 36),
    person    BLOB NOT NULL CHECK (length(person) = 16),
    since     TEXT NOT NULL CHECK (length(since) = 30),
    PRIMARY KEY (tenant_id, person)
) STRICT, WITHOUT ROWID;

INSERT INTO do_not_call
    SELECT tenant_id, key, min(at) FROM (
        SELECT tenant_id, person AS key, at FROM facts JOIN sessions ON id = session_id
            WHERE fact ->> '$.fact' = 'do_not_call'
        UNION ALL
        SELECT tenant_id, remote_lookup, at FROM facts JOIN sessions ON id = session_id
            WHERE fact ->> '$.fact' = 'do_not_call'
    ) WHERE key IS NOT NULL GROUP BY tenant_id, key;
