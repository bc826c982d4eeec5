//! A running transaction.

use std::ops::Deref;

use rusqlite::Connection;
use voicecall_core::ContentSeal;

/// The running transaction, for an [`Extension`](voicecall_core::store::Extension) with tables of its own: the connection, and
/// how content is to be written to it.
#[derive(Debug, Clone, Copy)]
pub struct Transaction<'a> {
    db: &'a Connection,
    seal: &'a ContentSeal,
}

impl<'a> Transaction<'a> {
    pub(crate) const fn new(db: &'a Connection, seal: &'a ContentSeal) -> Self {
        Self { db, seal }
    }

    /// Whether content is sealed before it is written, and by what it is opened.
    #[must_use]
    pub const fn seal(&self) -> &'a ContentSeal {
        self.seal
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.db
    }
}
