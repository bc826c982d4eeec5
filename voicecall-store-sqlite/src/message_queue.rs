//! Which messages wait, of all tenants.

use jiff::Timestamp;
use rusqlite::named_params;
use voicecall_core::store::{Message, MessageQueueStore, Session};
use voicecall_core::{Result, SessionId, TenantId, async_trait};

use crate::column::At;
use crate::{SqliteStore, message_rows as rows, sessions};

/// Goes from tenant to tenant along the index, and reads the first of each: what it costs grows with the tenants that have
/// somebody waiting, not with those who wait. The first message of a session stands for all.
const TO_ANSWER: &str = "
    WITH RECURSIVE waiting (tenant) AS (
        SELECT min(tenant_id) FROM messages WHERE state = 'received'
        UNION ALL
        SELECT (SELECT min(tenant_id) FROM messages WHERE state = 'received' AND tenant_id > tenant)
            FROM waiting WHERE tenant IS NOT NULL
    )
    SELECT session.* FROM waiting CROSS JOIN messages AS first CROSS JOIN sessions AS session
        WHERE session.id = first.session_id AND first.id IN (
            SELECT message.id FROM messages AS message CROSS JOIN sessions AS free
                WHERE message.tenant_id = tenant AND message.state = 'received' AND free.id = message.session_id
                    AND (free.leased_until IS NULL OR free.leased_until <= :now)
                    AND number = (
                        SELECT min(number) FROM messages AS unanswered
                        WHERE unanswered.session_id = message.session_id AND unanswered.state = 'received'
                    )
                ORDER BY message.at, message.number, message.id LIMIT :per_tenant
        )
    ORDER BY first.at, first.number, first.id LIMIT :limit";

/// As above. Messages of one session are sent one after the other.
const TO_SEND: &str = "
    WITH RECURSIVE waiting (tenant) AS (
        SELECT min(tenant_id) FROM messages WHERE state = 'queued'
        UNION ALL
        SELECT (SELECT min(tenant_id) FROM messages WHERE state = 'queued' AND tenant_id > tenant)
            FROM waiting WHERE tenant IS NOT NULL
    )
    SELECT first.* FROM waiting CROSS JOIN messages AS first
        WHERE first.id IN (
            SELECT id FROM messages AS message
                WHERE tenant_id = tenant AND state = 'queued' AND due_at <= :now
                    AND number = (
                        SELECT min(number) FROM messages AS unsent
                        WHERE unsent.session_id = message.session_id AND unsent.state IN ('queued', 'sending')
                    )
                ORDER BY due_at, id LIMIT :per_tenant
        )
    ORDER BY due_at, id LIMIT :limit";

const UNSETTLED: &str = "SELECT * FROM messages WHERE state IN ('sending', 'unknown') AND updated_at < ?
    ORDER BY updated_at, id LIMIT ?";

#[async_trait]
impl MessageQueueStore for SqliteStore {
    async fn sessions_to_answer(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        self.read("read sessions to answer", move |db| {
            let values = named_params! { ":now": At(now), ":per_tenant": per_tenant, ":limit": limit };
            Ok(db.prepare_cached(TO_ANSWER)?.query_map(values, sessions::read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn unanswered_messages(&self, tenant: TenantId, session: SessionId) -> Result<Vec<Message>> {
        self.read("read unanswered messages", move |db| {
            sessions::owner(db, tenant, session)?;
            rows::unanswered(db, session)
        })
        .await
    }

    async fn messages_to_send(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Message>> {
        self.read("read messages to send", move |db| {
            let values = named_params! { ":now": At(now), ":per_tenant": per_tenant, ":limit": limit };
            rows::many(db, TO_SEND, values)
        })
        .await
    }

    async fn unsettled_messages(&self, before: Timestamp, limit: u32) -> Result<Vec<Message>> {
        self.read("read unsettled messages", move |db| rows::many(db, UNSETTLED, (At(before), limit))).await
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::schema::{MIGRATIONS, migrate};
    use crate::{conversations, runs, threads};

    /// The steps of SQLite's plan for a query.
    fn plan(db: &Connection, query: &str) -> Vec<String> {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        // What is not bound is NULL.
        plan.raw_query().mapped(|row| row.get("detail")).collect::<rusqlite::Result<_>>().unwrap()
    }

    /// What reads a whole table. Our own lists, of tenants and of what we were given, are no tables.
    fn scans(db: &Connection, query: &str) -> Vec<String> {
        let is_ours = |step: &str| step == "SCAN waiting" || step.starts_with("SCAN json_each");
        plan(db, query).into_iter().filter(|step| step.starts_with("SCAN") && !is_ours(step)).collect()
    }

    #[test]
    fn no_query_reads_a_whole_table_or_sorts_what_waits() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, MIGRATIONS).unwrap();
        let queries = [TO_ANSWER, TO_SEND, UNSETTLED].into_iter().chain(rows::QUERIES).chain(threads::QUERIES);
        for query in queries.chain(conversations::QUERIES).chain(runs::QUERIES) {
            assert_eq!(scans(&db, query), [""; 0], "{query}");
        }
        for query in [TO_ANSWER, TO_SEND] {
            let sorts = plan(&db, query).iter().filter(|step| step.contains("TEMP B-TREE")).count();
            assert_eq!(sorts, 1, "only what was found of each tenant: {query}");
        }
        // That it would be noticed.
        db.execute_batch("DROP INDEX messages_to_send; DROP INDEX messages_by_key").unwrap();
        assert_ne!(scans(&db, TO_SEND), [""; 0]);
        assert_ne!(scans(&db, rows::QUERIES[1]), [""; 0]);
    }
}
