//! Everything of one person.

use std::sync::Arc;

use jiff::Timestamp;
use voicecall_core::store::{Channel, Erased, PersonFile, PersonStore, Session, SessionFile};
use voicecall_core::{PersonKey, Result, TenantId, async_trait};

use crate::column::params;
use crate::connection::Db;
use crate::fault::Outcome;
use crate::store::{Extensions, extend};
use crate::{
    PostgresStore, conversations, dialing, do_not_call, events, journal, message_rows, opt_outs, pending_events,
    provider_log, sessions,
};

#[async_trait]
impl PersonStore for PostgresStore {
    async fn export_person(&self, tenant: TenantId, person: PersonKey) -> Result<PersonFile> {
        let extensions = self.extensions();
        self.read("export person", tenant, move |db| async move { export(&db, &extensions, tenant, person).await })
            .await
    }

    async fn erase_person(&self, tenant: TenantId, person: PersonKey) -> Result<Erased> {
        let extensions = self.extensions();
        self.write("erase person", tenant, move |db| async move { erase(&db, &extensions, tenant, person).await }).await
    }

    async fn forbid_calls(&self, tenant: TenantId, person: PersonKey, at: Timestamp) -> Result<Vec<Session>> {
        self.write("forbid calls", tenant, move |db| async move { do_not_call::forbid(&db, tenant, person, at).await })
            .await
    }

    async fn calls_forbidden_since(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Timestamp>> {
        let operation = "read who must not be called";
        self.read(operation, tenant, move |db| async move { do_not_call::since(&db, tenant, person).await }).await
    }

    async fn allow_calls(&self, tenant: TenantId, person: PersonKey) -> Result<()> {
        self.write("allow calls", tenant, move |db| async move { do_not_call::allow(&db, tenant, person).await }).await
    }

    async fn forbid_messages(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
        at: Timestamp,
    ) -> Result<()> {
        let channel = channel.clone();
        self.write("forbid messages", tenant, move |db| async move {
            opt_outs::forbid(&db, tenant, person, &channel, at).await
        })
        .await
    }

    async fn messages_forbidden_since(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
    ) -> Result<Option<Timestamp>> {
        let channel = channel.clone();
        self.read("read who wants no messages", tenant, move |db| async move {
            opt_outs::since(&db, tenant, person, &channel).await
        })
        .await
    }

    async fn allow_messages(&self, tenant: TenantId, person: PersonKey, channel: &Channel) -> Result<()> {
        let channel = channel.clone();
        self.write(
            "allow messages",
            tenant,
            move |db| async move { opt_outs::allow(&db, tenant, person, &channel).await },
        )
        .await
    }
}

async fn export(db: &Db, extensions: &Arc<Extensions>, tenant: TenantId, person: PersonKey) -> Outcome<PersonFile> {
    let kept =
        extend(db, extensions, move |extension, transaction| extension.export(transaction, tenant, person)).await?;
    let mut file = PersonFile {
        sessions: Vec::new(),
        extensions: kept.into_iter().filter(|(_, rows)| !rows.is_null()).collect(),
        calls_forbidden_since: do_not_call::since(db, tenant, person).await?,
    };
    for session in sessions::of_person(db, tenant, person).await? {
        let id = session.id;
        file.sessions.push(SessionFile {
            session,
            events: events::of_session(db, tenant, id).await?,
            journal: journal::of_session(db, tenant, id).await?,
            attempts: dialing::of_session(db, tenant, id).await?,
            provider_logs: provider_log::of_session(db, tenant, id).await?,
            messages: message_rows::of_session(db, tenant, id).await?,
        });
    }
    Ok(file)
}

async fn erase(db: &Db, extensions: &Arc<Extensions>, tenant: TenantId, person: PersonKey) -> Outcome<Erased> {
    let gone =
        extend(db, extensions, move |extension, transaction| extension.erase(transaction, tenant, person)).await?;
    let mut erased =
        Erased { sessions: Vec::new(), extensions: gone.into_iter().filter(|(_, rows)| *rows > 0).collect() };
    // None begins meanwhile; and before the sessions in it, as whoever takes a message in does.
    db.take_turns(person.lookup().as_bytes()).await?;
    let conversation = conversations::lock_with(db, tenant, person).await?;
    for session in sessions::of_person(db, tenant, person).await? {
        db.execute("DELETE FROM voicecall.sessions WHERE id = $1", params![session.id]).await?;
        erased.sessions.push(session.id);
    }
    if let Some(conversation) = conversation {
        conversations::forget_person(db, &conversation, person).await?;
    } else {
        pending_events::forget_person(db, tenant, person, None).await?;
    }
    Ok(erased)
}
