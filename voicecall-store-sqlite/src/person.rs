//! Everything of one person.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use voicecall_core::store::{Channel, Erased, PersonFile, PersonStore, Session, SessionFile};
use voicecall_core::{PersonKey, Result, TenantId, async_trait};

use crate::column::Text;
use crate::fault::Outcome;
use crate::store::Extensions;
use crate::transaction::Transaction;
use crate::{
    SqliteStore, conversations, dialing, do_not_call, events, journal, message_rows, opt_outs, provider_log, sessions,
};

#[async_trait]
impl PersonStore for SqliteStore {
    async fn export_person(&self, tenant: TenantId, person: PersonKey) -> Result<PersonFile> {
        let extensions = Arc::clone(&self.extensions);
        self.read("export person", move |db| export(*db, &extensions, tenant, person)).await
    }

    async fn erase_person(&self, tenant: TenantId, person: PersonKey) -> Result<Erased> {
        let extensions = Arc::clone(&self.extensions);
        let erased = self.write("erase person", move |db| erase(*db, &extensions, tenant, person)).await?;
        self.forget_traces().await;
        Ok(erased)
    }

    async fn forbid_calls(&self, tenant: TenantId, person: PersonKey, at: Timestamp) -> Result<Vec<Session>> {
        self.write("forbid calls", move |db| do_not_call::forbid(db, tenant, person, at)).await
    }

    async fn calls_forbidden_since(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Timestamp>> {
        self.read("read who must not be called", move |db| do_not_call::since(db, tenant, person)).await
    }

    async fn allow_calls(&self, tenant: TenantId, person: PersonKey) -> Result<()> {
        self.write("allow calls", move |db| do_not_call::allow(db, tenant, person)).await?;
        self.forget_traces().await;
        Ok(())
    }

    async fn forbid_messages(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
        at: Timestamp,
    ) -> Result<()> {
        let channel = channel.clone();
        self.write("forbid messages", move |db| opt_outs::forbid(db, tenant, person, &channel, at)).await
    }

    async fn messages_forbidden_since(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
    ) -> Result<Option<Timestamp>> {
        let channel = channel.clone();
        self.read("read who wants no messages", move |db| opt_outs::since(db, tenant, person, &channel)).await
    }

    async fn allow_messages(&self, tenant: TenantId, person: PersonKey, channel: &Channel) -> Result<()> {
        let channel = channel.clone();
        self.write("allow messages", move |db| opt_outs::allow(db, tenant, person, &channel)).await?;
        self.forget_traces().await;
        Ok(())
    }
}

fn export(
    mut db: Transaction<'_>,
    extensions: &Extensions,
    tenant: TenantId,
    person: PersonKey,
) -> Outcome<PersonFile> {
    let mut kept = BTreeMap::new();
    for extension in extensions {
        match extension.export(&mut db, tenant, person)? {
            Value::Null => {}
            rows => drop(kept.insert(extension.name(), rows)),
        }
    }
    let mut files = Vec::new();
    for session in sessions::of_person(&db, tenant, person)? {
        let id = session.id;
        files.push(SessionFile {
            session,
            events: events::of_session(&db, id)?,
            journal: journal::of_session(&db, tenant, id)?,
            attempts: dialing::of_session(&db, id)?,
            provider_logs: provider_log::of_session(&db, id)?,
            messages: message_rows::of_session(&db, id)?,
        });
    }
    let calls_forbidden_since = do_not_call::since(&db, tenant, person)?;
    Ok(PersonFile { sessions: files, extensions: kept, calls_forbidden_since })
}

fn erase(mut db: Transaction<'_>, extensions: &Extensions, tenant: TenantId, person: PersonKey) -> Outcome<Erased> {
    let mut erased = Erased::default();
    for extension in extensions {
        match extension.erase(&mut db, tenant, person)? {
            0 => {}
            rows => drop(erased.extensions.insert(extension.name(), rows)),
        }
    }
    for session in sessions::of_person(&db, tenant, person)? {
        db.prepare_cached("DELETE FROM sessions WHERE id = ?")?.execute((Text(session.id),))?;
        erased.sessions.push(session.id);
    }
    conversations::forget_person(&db, tenant, person)?;
    Ok(erased)
}
