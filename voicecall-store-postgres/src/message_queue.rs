//! Which messages wait, of all tenants.

use jiff::Timestamp;
use voicecall_core::store::{Message, MessageQueueStore, Session};
use voicecall_core::{Result, SessionId, TenantId, async_trait};

use crate::column::{Bound, params};
use crate::roles::Role::Queue;
use crate::{PostgresStore, across_tenants, message_rows as rows, sessions};

/// Goes from tenant to tenant along the index, and reads the first of each: what it costs grows with the tenants that have
/// somebody waiting, not with those who wait. The first message of a session stands for all.
const TO_ANSWER: &str = "
    WITH RECURSIVE waiting (tenant) AS (
        (SELECT tenant_id FROM voicecall.messages WHERE state = 'received' ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT tenant_id FROM voicecall.messages WHERE state = 'received' AND tenant_id > tenant
                ORDER BY tenant_id LIMIT 1)
            FROM waiting WHERE tenant IS NOT NULL
    )
    SELECT first.* FROM waiting CROSS JOIN LATERAL (
        SELECT session.*, message.at AS message_at, message.number AS message_number, message.id AS message_id
            FROM voicecall.messages AS message JOIN voicecall.sessions AS session
                ON session.tenant_id = message.tenant_id AND session.id = message.session_id
            WHERE message.tenant_id = tenant AND message.state = 'received'
                AND (session.leased_until IS NULL OR session.leased_until <= $1)
                AND number = (
                    SELECT min(number) FROM voicecall.messages AS unanswered
                    WHERE unanswered.tenant_id = message.tenant_id AND unanswered.session_id = message.session_id
                        AND unanswered.state = 'received'
                )
            ORDER BY message.at, message.number, message.id LIMIT $2
    ) AS first ORDER BY message_at, message_number, message_id LIMIT $3";

/// As above. Messages of one session are sent one after the other.
const TO_SEND: &str = "
    WITH RECURSIVE waiting (tenant) AS (
        (SELECT tenant_id FROM voicecall.messages WHERE state = 'queued' ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT tenant_id FROM voicecall.messages WHERE state = 'queued' AND tenant_id > tenant
                ORDER BY tenant_id LIMIT 1)
            FROM waiting WHERE tenant IS NOT NULL
    )
    SELECT first.* FROM waiting CROSS JOIN LATERAL (
        SELECT * FROM voicecall.messages AS message
            WHERE tenant_id = tenant AND state = 'queued' AND due_at <= $1
                AND number = (
                    SELECT min(number) FROM voicecall.messages AS unsent
                    WHERE unsent.tenant_id = message.tenant_id AND unsent.session_id = message.session_id
                        AND unsent.state IN ('queued', 'sending')
                )
            ORDER BY due_at, id LIMIT $2
    ) AS first ORDER BY due_at, id LIMIT $3";

#[async_trait]
impl MessageQueueStore for PostgresStore {
    async fn sessions_to_answer(&self, _: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        self.read_as(Queue, "read sessions to answer", move |db| async move {
            // Leases run by the server's clock.
            let now = across_tenants::servers_clock(&db).await?;
            sessions::many(db.query(TO_ANSWER, params![now, per_tenant, limit]).await?)
        })
        .await
    }

    async fn unanswered_messages(&self, tenant: TenantId, session: SessionId) -> Result<Vec<Message>> {
        self.read("read unanswered messages", tenant, move |db| async move {
            sessions::owner(&db, tenant, session).await?;
            rows::unanswered(&db, tenant, session).await
        })
        .await
    }

    async fn messages_to_send(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Message>> {
        self.read_as(Queue, "read messages to send", move |db| async move {
            rows::many(db.query(TO_SEND, params![Bound(now), per_tenant, limit]).await?)
        })
        .await
    }

    async fn unsettled_messages(&self, before: Timestamp, limit: u32) -> Result<Vec<Message>> {
        self.read_as(Queue, "read unsettled messages", move |db| async move {
            let query = "SELECT * FROM voicecall.messages WHERE state IN ('sending', 'unknown') AND updated_at < $1
                ORDER BY updated_at, id LIMIT $2";
            rows::many(db.query(query, params![Bound(before), limit]).await?)
        })
        .await
    }
}
