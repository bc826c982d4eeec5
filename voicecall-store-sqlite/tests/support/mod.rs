//! A folder that ends with its test, and a session to write to.

#![allow(dead_code, unreachable_pub)]

use std::path::{Path, PathBuf};

use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{NewIncoming, NewSession, SessionStore, Thread};
use voicecall_core::{
    Address, CallTime, CarrierMessageId, ConversationId, Epoch, MessageId, RecordId, SessionId, TenantId, Vault,
};
use voicecall_store_sqlite::SqliteStore;

pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("voicecall-store-{}", RecordId::new()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file that does not exist yet.
    pub fn file(&self) -> PathBuf {
        self.0.join(format!("{}.db", RecordId::new()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

pub fn new_session() -> NewSession {
    new_session_for(&Vault::generate().unwrap(), TenantId::new(), &"+46701234567".parse().unwrap())
}

pub fn new_session_for(vault: &Vault, tenant: TenantId, somebody: &Address) -> NewSession {
    NewSession::outbound_to(vault, tenant, somebody, jiff::Timestamp::now()).unwrap()
}

pub async fn session_in(store: &SqliteStore) -> (TenantId, SessionId) {
    let new = new_session();
    store.create_session(&new).await.unwrap();
    (new.tenant, new.id)
}

pub fn entry(session: SessionId, seq: u64, text: &str) -> JournalEntry {
    JournalEntry {
        session,
        epoch: Epoch::FIRST,
        seq,
        at: jiff::Timestamp::now(),
        offset: CallTime::from_millis(seq),
        fact: Fact::Disclosed { text: text.to_owned() },
    }
}

/// The thread of messages with an address.
pub fn thread(vault: &Vault, tenant: TenantId, address: &Address) -> Thread {
    let new = NewSession::inbound_from(vault, tenant, Some(address), jiff::Timestamp::now()).unwrap();
    let session = NewSession {
        channel: address.channel(),
        conversation: Some(ConversationId::new()),
        person: Some(vault.person(tenant, address)),
        ..new
    };
    Thread { session, carrier: "carrier".to_owned(), idle: std::time::Duration::from_secs(86_400) }
}

pub fn incoming(carrier_id: &str, text: &str) -> NewIncoming {
    NewIncoming {
        id: MessageId::new(),
        carrier_id: CarrierMessageId::new(carrier_id),
        text: text.to_owned(),
        media: Vec::new(),
        wants_answer: true,
        at: jiff::Timestamp::now(),
    }
}
