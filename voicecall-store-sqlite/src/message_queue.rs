//! Which messages wait, of all tenants.

use jiff::Timestamp;
use rusqlite::named_params;
use voicecall_core::store::{Message, MessageQueueStore, Session};
use voicecall_core::{Result, SessionId, TenantId, async_trait};

use crate::column::At;
use crate::{SqliteStore, message_rows as rows, sessions};

/// Goes from tenant to tenant along the index, and reads the first of each: what it costs grows with the tenants that have
/// somebody waiting, not with those who wait. Of a session, the message that has waited for longest stands for all.
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
                    AND NOT EXISTS (
                        SELECT 1 FROM messages AS earlier
                        WHERE earlier.session_id = message.session_id AND earlier.state = 'received'
                            AND (earlier.at, earlier.number) < (message.at, message.number)
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
                    AND NOT EXISTS (
                        SELECT 1 FROM messages AS earlier
                        WHERE earlier.session_id = message.session_id AND earlier.state IN ('queued', 'sending')
                            AND earlier.number < message.number
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
