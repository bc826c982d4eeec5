//! Who must not be called any more.

use std::collections::HashMap;

use jiff::Timestamp;

use super::MemoryTables;
use crate::error::Result;
use crate::id::{SessionId, TenantId};
use crate::seal::PersonKey;
use crate::store::Session;

/// Since when, by whom it was asked of whom.
pub(super) type DoNotCall = HashMap<(TenantId, PersonKey), Timestamp>;

impl MemoryTables {
    /// Whether a session's person must not be called.
    pub(super) fn forbids(&self, session: &Session) -> bool {
        session.people().any(|person| self.do_not_call.contains_key(&(session.tenant, person)))
    }

    pub(super) fn forbid(&mut self, tenant: TenantId, person: PersonKey, at: Timestamp) -> Result<Vec<Session>> {
        self.do_not_call.entry((tenant, person)).or_insert(at);
        let waiting = |session: &&Session| session.tenant == tenant && session.is_with(person);
        let ends: Vec<_> = self
            .sessions()
            .filter(waiting)
            .filter_map(|session| Some((session.id, session.end_uncalled(at)?)))
            .collect();
        ends.iter().map(|(id, end)| self.change_session(tenant, *id, end)).collect()
    }

    /// What follows from the wish of a session's person.
    pub(super) fn forbid_person_of(&mut self, tenant: TenantId, id: SessionId, at: Timestamp) -> Result<()> {
        let people: Vec<_> = self.session(tenant, id)?.people().collect();
        people.into_iter().try_for_each(|person| self.forbid(tenant, person, at).map(drop))
    }
}
