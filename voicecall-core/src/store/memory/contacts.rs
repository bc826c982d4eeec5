//! Who is being called, and how often people were.

use jiff::{SignedDuration, Timestamp};

use super::MemoryTables;
use crate::error::Result;
use crate::id::{SessionId, TenantId};
use crate::store::{Claim, ContactLimits, NumberKey, refuse_by_limit, refuse_second_call};

/// A turn that was taken to call a number.
#[derive(Debug, Clone)]
pub(super) struct Contact {
    number: NumberKey,
    tenant: TenantId,
    /// Of what is erased nothing is left that leads to it.
    session: Option<SessionId>,
    at: Timestamp,
    /// Whether the call was ordered, as far as anybody knows.
    ordered: bool,
}

impl MemoryTables {
    /// Refuses a turn beyond its limits.
    pub(super) fn check_contact(&self, tenant: TenantId, session: SessionId, claim: &Claim) -> Result<()> {
        let Some(number) = claim.number else { return Ok(()) };
        let is_called = |contact: &Contact| {
            let other = contact.session.filter(|other| *other != session);
            let row = other.and_then(|other| self.sessions.rows.get(&other));
            contact.number == number && row.is_some_and(|row| row.session.is_being_called())
        };
        if self.contacts.iter().any(is_called) {
            return Err(refuse_second_call());
        }
        let newest = |n: u32, counts: &dyn Fn(&Contact) -> bool| {
            let counted = self.contacts.iter().rev().filter(|contact| contact.ordered && counts(contact));
            Ok(counted.map(|contact| contact.at).nth(n.saturating_sub(1) as usize))
        };
        let limits = &claim.limits;
        let of_number =
            ContactLimits::wait(&limits.per_number, claim.at, |n| newest(n, &|contact| contact.number == number))?;
        let of_tenant =
            ContactLimits::wait(&limits.per_tenant, claim.at, |n| newest(n, &|contact| contact.tenant == tenant))?;
        match of_number.max(of_tenant) {
            Some(wait) => Err(refuse_by_limit(wait)),
            None => Ok(()),
        }
    }

    /// Keeps that a session is about to call.
    pub(super) fn begin_contact(&mut self, tenant: TenantId, session: SessionId, claim: &Claim) {
        let oldest = SignedDuration::try_from(ContactLimits::LONGEST).unwrap_or(SignedDuration::MAX);
        let oldest = claim.at.saturating_sub(oldest).unwrap_or(Timestamp::MIN);
        self.contacts.retain(|contact| contact.at >= oldest && (contact.session != Some(session) || contact.ordered));
        if let Some(number) = claim.number {
            self.contacts.push(Contact { number, tenant, session: Some(session), at: claim.at, ordered: false });
        }
    }

    /// A session is deleted: that somebody was called is kept, but not for what.
    pub(super) fn forget_session_of_contacts(&mut self, session: SessionId) {
        let of_session = self.contacts.iter_mut().filter(|contact| contact.session == Some(session));
        of_session.for_each(|contact| contact.session = None);
    }

    /// Keeps whether the order of a session's newest attempt was given.
    pub(super) fn note_order(&mut self, session: SessionId, ordered: bool) {
        if let Some(contact) = self.contacts.iter_mut().rev().find(|contact| contact.session == Some(session)) {
            contact.ordered = ordered;
        }
    }
}
