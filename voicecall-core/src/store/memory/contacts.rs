//! Who is being called, and how often people were: found by number, by tenant and by session.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};

use super::MemoryTables;
use crate::error::Result;
use crate::id::{SessionId, TenantId};
use crate::store::{Claim, ContactLimits, NumberKey, refuse_by_limit, refuse_second_call};

/// A turn that was taken to call a number.
#[derive(Debug, Clone)]
struct Contact {
    number: NumberKey,
    tenant: TenantId,
    /// Of what is erased nothing is left that leads to it.
    session: Option<SessionId>,
    at: Timestamp,
    /// Whether the call was ordered, as far as anybody knows.
    ordered: bool,
}

/// All turns that count, in the order in which they were taken.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    next: u64,
    rows: BTreeMap<u64, Contact>,
    of_number: Index<NumberKey>,
    of_tenant: Index<TenantId>,
    of_session: Index<SessionId>,
}

/// The places of the rows that have a key, in order.
#[derive(Debug)]
struct Index<K>(HashMap<K, VecDeque<u64>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Index<K> {
    fn push(&mut self, key: K, place: u64) {
        self.0.entry(key).or_default().push_back(place);
    }

    fn remove(&mut self, key: &K, place: u64) {
        if let Some(places) = self.0.get_mut(key) {
            if let Ok(at) = places.binary_search(&place) {
                places.remove(at);
            }
            if places.is_empty() {
                self.0.remove(key);
            }
        }
    }

    /// The newest first.
    fn newest(&self, key: &K) -> impl Iterator<Item = u64> {
        self.0.get(key).into_iter().flat_map(|places| places.iter().rev().copied())
    }
}

impl Contacts {
    fn push(&mut self, contact: Contact) {
        let place = self.next;
        self.next += 1;
        self.of_number.push(contact.number, place);
        self.of_tenant.push(contact.tenant, place);
        if let Some(session) = contact.session {
            self.of_session.push(session, place);
        }
        self.rows.insert(place, contact);
    }

    fn remove(&mut self, place: u64) {
        let Some(contact) = self.rows.remove(&place) else { return };
        self.of_number.remove(&contact.number, place);
        self.of_tenant.remove(&contact.tenant, place);
        if let Some(session) = contact.session {
            self.of_session.remove(&session, place);
        }
    }

    /// Those with a key, the newest first.
    fn newest<'a, K: Eq + Hash>(&'a self, index: &'a Index<K>, key: &'a K) -> impl Iterator<Item = &'a Contact> {
        index.newest(key).filter_map(|place| self.rows.get(&place))
    }

    /// When the nth newest order was given of those with a key, from 1.
    fn nth_order<K: Eq + Hash>(&self, index: &Index<K>, key: &K, n: u32) -> Option<Timestamp> {
        let ordered = self.newest(index, key).filter(|contact| contact.ordered);
        ordered.map(|contact| contact.at).nth(n.saturating_sub(1) as usize)
    }

    /// Forgets what is older than any limit looks back. Clocks that go back let something stay for longer.
    fn forget_before(&mut self, oldest: Timestamp) {
        while let Some((&place, _)) = self.rows.first_key_value().filter(|(_, contact)| contact.at < oldest) {
            self.remove(place);
        }
    }

    fn forget_session(&mut self, session: SessionId) {
        for place in self.of_session.0.remove(&session).into_iter().flatten() {
            if let Some(contact) = self.rows.get_mut(&place) {
                contact.session = None;
            }
        }
    }
}

impl MemoryTables {
    /// Refuses a turn beyond its limits.
    pub(super) fn check_contact(&self, tenant: TenantId, session: SessionId, claim: &Claim) -> Result<()> {
        let Some(number) = claim.number else { return Ok(()) };
        let contacts = &self.contacts;
        let is_called = |contact: &Contact| {
            let other = contact.session.filter(|other| *other != session);
            let row = other.and_then(|other| self.sessions.rows.get(&other));
            row.is_some_and(|row| row.session.is_being_called())
        };
        if contacts.newest(&contacts.of_number, &number).any(is_called) {
            return Err(refuse_second_call());
        }
        let of_number = ContactLimits::wait(&claim.limits.per_number, claim.at, |n| {
            Ok(contacts.nth_order(&contacts.of_number, &number, n))
        })?;
        let of_tenant = ContactLimits::wait(&claim.limits.per_tenant, claim.at, |n| {
            Ok(contacts.nth_order(&contacts.of_tenant, &tenant, n))
        })?;
        match of_number.max(of_tenant) {
            Some(wait) => Err(refuse_by_limit(wait)),
            None => Ok(()),
        }
    }

    /// Keeps that a session is about to call.
    pub(super) fn begin_contact(&mut self, tenant: TenantId, session: SessionId, claim: &Claim) {
        let oldest = SignedDuration::try_from(ContactLimits::LONGEST).unwrap_or(SignedDuration::MAX);
        self.contacts.forget_before(claim.at.saturating_sub(oldest).unwrap_or(Timestamp::MIN));
        let of_session: Vec<_> = self.contacts.of_session.newest(&session).collect();
        for place in of_session {
            if self.contacts.rows.get(&place).is_some_and(|contact| !contact.ordered) {
                self.contacts.remove(place);
            }
        }
        if let Some(number) = claim.number {
            self.contacts.push(Contact { number, tenant, session: Some(session), at: claim.at, ordered: false });
        }
    }

    /// A session is deleted: that somebody was called is kept, but not for what.
    pub(super) fn forget_session_of_contacts(&mut self, session: SessionId) {
        self.contacts.forget_session(session);
    }

    /// Keeps whether the order of a session's newest attempt was given.
    pub(super) fn note_order(&mut self, session: SessionId, ordered: bool) {
        let newest = self.contacts.of_session.newest(&session).next();
        if let Some(contact) = newest.and_then(|place| self.contacts.rows.get_mut(&place)) {
            contact.ordered = ordered;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_leaves_no_place_in_any_index() {
        let (mut contacts, tenant) = (Contacts::default(), TenantId::new());
        let at = |second| Timestamp::from_second(second).unwrap();
        let (erased, kept) = (SessionId::new(), SessionId::new());
        for (second, session) in [(1, erased), (2, kept), (3, kept)] {
            let number = NumberKey::from_bytes([1; 16]);
            contacts.push(Contact { number, tenant, session: Some(session), at: at(second), ordered: true });
        }
        contacts.forget_session(erased);
        assert_eq!(contacts.nth_order(&contacts.of_tenant, &tenant, 3), Some(at(1)), "it still counts");
        contacts.forget_before(at(3));
        assert_eq!(contacts.nth_order(&contacts.of_session, &kept, 1), Some(at(3)));
        assert_eq!(contacts.nth_order(&contacts.of_tenant, &tenant, 2), None);
        contacts.forget_before(at(4));
        let indices = [contacts.of_number.0.len(), contacts.of_tenant.0.len(), contacts.of_session.0.len()];
        assert_eq!((contacts.rows.len(), indices), (0, [0; 3]));
    }

    #[test]
    fn a_turn_is_found_without_looking_at_those_of_others() {
        let (mut contacts, at) = (Contacts::default(), Timestamp::UNIX_EPOCH);
        let number = |n: u32| NumberKey::from_bytes(u128::from(n).to_be_bytes());
        for n in 0..100_000 {
            let (tenant, session) = (TenantId::new(), Some(SessionId::new()));
            contacts.push(Contact { number: number(n), tenant, session, at, ordered: true });
        }
        let looked_at = contacts.newest(&contacts.of_number, &number(99_999)).count();
        assert_eq!(looked_at, 1, "of a hundred thousand");
    }
}
