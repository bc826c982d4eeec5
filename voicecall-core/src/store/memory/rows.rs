//! Rows of extensions: of any type, one of each kind per session or per store.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use super::{MemoryTables, Timeline};
use crate::error::Result;
use crate::event::Event;
use crate::id::{SessionId, TenantId};
use crate::journal::JournalEntry;
use crate::store::{Session, SessionChange, SessionEvent};

/// One value of each type. A copy shares the values until one of them is changed.
#[derive(Default, Clone)]
pub(super) struct Rows {
    of_type: HashMap<TypeId, Arc<dyn Row>>,
}

trait Row: Any + Send + Sync {
    fn copy(&self) -> Arc<dyn Row>;
}

impl<T: Any + Send + Sync + Clone> Row for T {
    fn copy(&self) -> Arc<dyn Row> {
        Arc::new(self.clone())
    }
}

impl Rows {
    fn get<T: Any>(&self) -> Option<&T> {
        let row: &dyn Any = &**self.of_type.get(&TypeId::of::<T>())?;
        row.downcast_ref()
    }

    fn get_mut<T: Any + Send + Sync + Clone + Default>(&mut self) -> &mut T {
        let shared = self.of_type.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        if Arc::get_mut(shared).is_none() {
            *shared = (**shared).copy();
        }
        let row = Arc::get_mut(shared).and_then(|row| (row as &mut dyn Any).downcast_mut());
        let Some(row) = row else { unreachable!("it was copied if shared, and is found by its own type") };
        row
    }
}

/// What extensions may do within a transaction.
impl MemoryTables {
    /// A session.
    ///
    /// # Errors
    /// `NotFound`, also for another tenant's.
    pub fn session(&self, tenant: TenantId, id: SessionId) -> Result<&Session> {
        Ok(&self.sessions.get("read session", tenant, id)?.session)
    }

    /// All sessions, of all tenants, by their ids.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.rows.values().map(|row| &row.session)
    }

    /// A session's journal in order; nothing of a session that there is not.
    pub fn journal(&self, session: SessionId) -> impl Iterator<Item = &JournalEntry> {
        self.sessions.rows.get(&session).into_iter().flat_map(|row| row.journal.values())
    }

    /// Deletes every fact of a session that holds what somebody said.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn forget_words(&mut self, tenant: TenantId, session: SessionId) -> Result<()> {
        let row = self.sessions.get_mut("forget words", tenant, session)?;
        row.journal.retain(|_, entry| !entry.fact.needs_consent());
        Ok(())
    }

    /// Changes a session and appends the event that belongs to the change.
    ///
    /// # Errors
    /// As [`SessionStore::change_session`](crate::store::SessionStore::change_session).
    pub fn change_session(&mut self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session> {
        let session = self.sessions.get_mut("change session", tenant, id)?.change(change)?;
        self.tell(Event::of_session(&session, change));
        Ok(session)
    }

    /// Appends an event that follows from a fact.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session.
    pub fn append_event(&mut self, tenant: TenantId, event: SessionEvent) -> Result<()> {
        self.sessions.get_mut("append event", tenant, event.session)?.push_event(event);
        Ok(())
    }

    /// The row of this type that belongs to a session, if it has one. It is deleted with the session.
    #[must_use]
    pub fn row<T: Any>(&self, session: SessionId) -> Option<&T> {
        self.sessions.rows.get(&session)?.rows.get()
    }

    /// The row of this type that belongs to a session, made if it has none.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session.
    pub fn row_mut<T: Any + Send + Sync + Clone + Default>(
        &mut self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<&mut T> {
        let row: &mut Timeline = self.sessions.get_mut("write row", tenant, session)?;
        Ok(row.rows.get_mut())
    }

    /// The table of this type that belongs to the whole store, if there is one.
    #[must_use]
    pub fn table<T: Any>(&self) -> Option<&T> {
        self.rows.get()
    }

    /// The table of this type that belongs to the whole store, made if there is none.
    pub fn table_mut<T: Any + Send + Sync + Clone + Default>(&mut self) -> &mut T {
        self.rows.get_mut()
    }
}
