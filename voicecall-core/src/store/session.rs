//! A session's record, and what can happen to it.

use jiff::Timestamp;
use serde_json::Value;

use super::channel::{Channel, Direction};
use super::contact::Claim;
use super::event::EventSource;
use super::lease::AcquireLease;
use super::status::{CallPriority, EndReason, SessionStatus};
use crate::address::Address;
use crate::carrier::CallPrice;
use crate::error::{Error, ErrorKind};
use crate::id::{AccountName, CarrierCallId, ConversationId, Epoch, SessionId, TenantId};
use crate::seal::{PersonKey, SealedAddress, SealedRow, Vault};

/// What is needed to create a session.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub tenant: TenantId,
    /// Over what.
    pub channel: Channel,
    /// Who begins it. One that we begin is due at once; one that begins with a call to us never waits.
    pub direction: Direction,
    /// Whom it is with; `None` if the address is withheld.
    pub remote: Option<SealedAddress>,
    /// The carrier account it is bound to, if it is known already.
    pub account: Option<AccountName>,
    /// Our own number or address in it.
    pub local: Option<String>,
    /// The application's name for it: two outbound sessions of a tenant never have the same.
    pub reference: Option<String>,
    /// The conversation it is part of.
    pub conversation: Option<ConversationId>,
    /// Who it is with, if that is known by another address than `remote`.
    pub person: Option<PersonKey>,
    /// Whether it goes before others.
    pub priority: CallPriority,
    /// What the application wants to find in it again; without personal data.
    pub metadata: Value,
    /// When it was asked for, or began.
    pub started_at: Timestamp,
}

impl NewSession {
    /// A call to somebody whose address was sealed for the row of this session, to which the id is then given.
    #[must_use]
    pub fn outbound(tenant: TenantId, remote: SealedAddress, at: Timestamp) -> Self {
        Self::new(tenant, Direction::Outbound, Some(remote), at)
    }

    /// A call from somebody, sealed in the same way, or from somebody who withholds the number.
    #[must_use]
    pub fn inbound(tenant: TenantId, remote: Option<SealedAddress>, at: Timestamp) -> Self {
        Self::new(tenant, Direction::Inbound, remote, at)
    }

    /// A call to `address`, sealed for this session.
    ///
    /// # Errors
    /// As [`Vault::seal_address`].
    pub fn outbound_to(vault: &Vault, tenant: TenantId, address: &Address, at: Timestamp) -> Result<Self, Error> {
        let new = Self::new(tenant, Direction::Outbound, None, at);
        Ok(Self { remote: Some(vault.seal_address(new.row(), address)?), ..new })
    }

    /// A call from `address`, sealed for this session, or from somebody who withholds the number.
    ///
    /// # Errors
    /// As [`Vault::seal_address`].
    pub fn inbound_from(
        vault: &Vault,
        tenant: TenantId,
        address: Option<&Address>,
        at: Timestamp,
    ) -> Result<Self, Error> {
        let new = Self::new(tenant, Direction::Inbound, None, at);
        Ok(Self { remote: address.map(|address| vault.seal_address(new.row(), address)).transpose()?, ..new })
    }

    /// The row that its address is sealed for.
    #[must_use]
    pub const fn row(&self) -> SealedRow {
        SealedRow::session(self.tenant, self.id)
    }

    fn new(tenant: TenantId, direction: Direction, remote: Option<SealedAddress>, started_at: Timestamp) -> Self {
        Self {
            id: SessionId::new(),
            tenant,
            channel: Channel::Voice,
            direction,
            remote,
            account: None,
            local: None,
            reference: None,
            conversation: None,
            person: None,
            priority: CallPriority::Normal,
            metadata: Value::Null,
            started_at,
        }
    }

    /// Checks what every store demands.
    ///
    /// # Errors
    /// `Invalid` naming `remote` for an outbound session with nobody, or `reference` for an empty one.
    pub fn validate(&self) -> Result<(), Error> {
        if self.direction == Direction::Outbound && self.remote.is_none() {
            return Err(Error::invalid("remote", "somebody to call"));
        }
        if self.reference.as_ref().is_some_and(String::is_empty) {
            return Err(Error::invalid("reference", "not empty"));
        }
        Ok(())
    }
}

/// A session as stored: one contact with somebody over one channel, which one owner at a time runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub tenant: TenantId,
    /// Over what.
    pub channel: Channel,
    /// Who began it.
    pub direction: Direction,
    /// Whom it is with; `None` if the address is withheld.
    pub remote: Option<SealedAddress>,
    /// The carrier account it is bound to, once it is.
    pub account: Option<AccountName>,
    /// Our own number or address in it.
    pub local: Option<String>,
    /// The application's name for it; unique among a tenant's outbound sessions.
    pub reference: Option<String>,
    /// The conversation it is part of.
    pub conversation: Option<ConversationId>,
    /// Who it is with, if that is known.
    pub person: Option<PersonKey>,
    /// Whether it goes before others.
    pub priority: CallPriority,
    /// How far it has come.
    pub status: SessionStatus,
    /// From when on the other side may be called; `None` while that is being done, and once the session is over.
    pub due_at: Option<Timestamp>,
    /// From when on the person who is on the line wants to be called again; `None` if they did not ask for it, and once
    /// the session waits for that.
    pub call_back_at: Option<Timestamp>,
    /// When it was asked for, or began.
    pub started_at: Timestamp,
    /// When the other side was on the line, in the newest call.
    pub connected_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Why it was over.
    pub end_reason: Option<EndReason>,
    /// The carrier's name for the call.
    pub carrier_call: Option<CarrierCallId>,
    /// What it cost so far as we count it, in millionths of a US dollar.
    pub cost_micros: Option<i64>,
    /// What the carrier charges for its calls, as far as it has told and they are in one currency. It is part of what we
    /// estimated, not beside it.
    pub carrier_price: Option<CallPrice>,
    /// Where the recording is.
    pub recording_url: Option<String>,
    /// What the application wants to find in it again.
    pub metadata: Value,
    /// Its newest owner.
    pub owner: Epoch,
    /// Until when its owner's lease runs, unless it is renewed: then nobody runs it any more.
    pub leased_until: Option<Timestamp>,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

impl Session {
    /// A session as it is right after creation. Only a call that we place has to be waited for: messages need nobody on a line.
    #[must_use]
    pub fn created(new: &NewSession) -> Self {
        let is_call = new.channel == Channel::Voice;
        Self {
            id: new.id,
            tenant: new.tenant,
            channel: new.channel.clone(),
            direction: new.direction,
            remote: new.remote.clone(),
            account: new.account,
            local: new.local.clone(),
            reference: new.reference.clone(),
            conversation: new.conversation,
            person: new.person.or(new.remote.as_ref().map(|remote| remote.lookup.into())),
            priority: new.priority,
            status: if is_call { SessionStatus::Initiated } else { SessionStatus::InProgress },
            due_at: (is_call && new.direction == Direction::Outbound).then_some(new.started_at),
            call_back_at: None,
            started_at: new.started_at,
            connected_at: (!is_call).then_some(new.started_at),
            ended_at: None,
            end_reason: None,
            carrier_call: None,
            cost_micros: None,
            carrier_price: None,
            recording_url: None,
            metadata: new.metadata.clone(),
            owner: Epoch::FIRST,
            leased_until: None,
            created_at: new.started_at,
            updated_at: new.started_at,
        }
    }

    /// The row that its address is sealed for.
    #[must_use]
    pub const fn row(&self) -> SealedRow {
        SealedRow::session(self.tenant, self.id)
    }

    /// The address it is with; `None` if that is withheld.
    ///
    /// # Errors
    /// As [`Vault::open_address`].
    pub fn open_remote(&self, vault: &Vault) -> Result<Option<Address>, Error> {
        self.remote.as_ref().map(|remote| vault.open_address(self.row(), remote)).transpose()
    }

    /// Whether it is with this person, by whichever of the two keys.
    #[must_use]
    pub fn is_with(&self, person: PersonKey) -> bool {
        self.person == Some(person) || self.remote.as_ref().is_some_and(|remote| remote.lookup == person.lookup())
    }

    /// Whether it is a call that has not ended.
    #[must_use]
    pub fn is_open_call(&self) -> bool {
        self.channel == Channel::Voice && !self.status.is_final()
    }

    /// Whether its person is being called, or talked to after a call that we placed.
    #[must_use]
    pub fn is_being_called(&self) -> bool {
        self.direction == Direction::Outbound && self.due_at.is_none() && self.is_open_call()
    }

    /// How long the other side was on the line, in whole seconds.
    #[must_use]
    pub fn duration_seconds(&self) -> Option<u64> {
        let (from, until) = (self.connected_at?, self.ended_at?);
        // A clock that jumped back makes a short call, not an endless one.
        Some(u64::try_from(until.duration_since(from).as_secs()).unwrap_or(0))
    }

    /// Carries out a change, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` for a transition the state machine does not have, `Invalid` for a negative cost; the session is then
    /// unchanged.
    pub fn apply(&mut self, change: &SessionChange) -> Result<(), Error> {
        self.check(change)?;
        match change {
            SessionChange::Connecting { call, at } => {
                self.status = SessionStatus::Connecting;
                self.due_at = None;
                self.carrier_call = Some(call.clone());
                self.updated_at = *at;
            }
            SessionChange::Postponed { until, at } => {
                if self.status == SessionStatus::InProgress {
                    self.status = SessionStatus::Connecting;
                    self.connected_at = None;
                    self.call_back_at = None;
                }
                self.due_at = Some(*until);
                self.updated_at = *at;
            }
            SessionChange::Connected { at } => {
                self.status = SessionStatus::InProgress;
                self.connected_at = Some(*at);
                self.updated_at = self.updated_at.max(*at);
            }
            SessionChange::Ended { reason, at, .. } => {
                self.status = reason.status();
                self.due_at = None;
                self.ended_at = Some(*at);
                self.end_reason = Some(*reason);
                self.updated_at = *at;
            }
            SessionChange::Attach { what, at } => {
                self.account = what.account.or(self.account);
                self.recording_url = what.recording_url.clone().or(self.recording_url.take());
                self.cost_micros = what.cost_micros.or(self.cost_micros);
                self.updated_at = *at;
            }
        }
        Ok(())
    }

    fn check(&self, change: &SessionChange) -> Result<(), Error> {
        let conflict = || Error::new(ErrorKind::Conflict, "change session").with_field("status");
        match change {
            SessionChange::Attach { what: Attachment { cost_micros: Some(..0), .. }, .. } => {
                return Err(Error::invalid("cost", "not negative"));
            }
            // A further attempt is another call, and no step of the session.
            SessionChange::Connecting { call, .. }
                if self.status == SessionStatus::Connecting && self.carrier_call.as_ref() != Some(call) =>
            {
                return Ok(());
            }
            SessionChange::Postponed { .. } if !self.may_wait() => {
                return Err(conflict().with_message(format!("a session {} waits for nobody", self.status)));
            }
            _ => {}
        }
        match change.status() {
            Some(status) if !self.status.may_become(status) => {
                Err(conflict().with_message(format!("no step from {} to {status}", self.status)))
            }
            _ => Ok(()),
        }
    }

    /// Takes in what the carrier charges for one of its calls, as every store does inside its transaction. What is in another
    /// currency than the rest stands with its attempt alone.
    pub fn charge(&mut self, price: &CallPrice) {
        self.carrier_price = match self.carrier_price.take() {
            None => Some(price.clone()),
            Some(known) => known.plus(price).or(Some(known)),
        };
    }

    /// Takes the session's turn to be called, as every store does inside its transaction. Returns the new owner.
    ///
    /// # Errors
    /// `Conflict` unless it waits to be called.
    pub fn claim(&mut self, claim: &Claim) -> Result<Epoch, Error> {
        if self.due_at.take().is_none() {
            return Err(Error::new(ErrorKind::Conflict, "claim session")
                .with_field("dueAt")
                .with_message("the session does not wait to be called"));
        }
        self.leased_until = Some(claim.term().until());
        self.updated_at = claim.at;
        self.owner = self.owner.next();
        Ok(self.owner)
    }

    /// Gives a new owner its lease, as every store does inside its transaction. Returns the new owner.
    ///
    /// # Errors
    /// `Conflict` if somebody else's lease runs and that matters, or it is to be taken from one who does not own it any
    /// more.
    pub fn acquire_lease(&mut self, how: AcquireLease) -> Result<Epoch, Error> {
        if how.from.is_some_and(|owner| owner != self.owner) {
            return Err(Error::new(ErrorKind::Conflict, "acquire lease")
                .with_field("owner")
                .with_message("the session has another owner by now"));
        }
        if how.only_if_free && self.leased_until.is_some_and(|until| until > how.term.now) {
            return Err(Error::new(ErrorKind::Conflict, "acquire lease")
                .with_field("leasedUntil")
                .with_message("somebody else's lease still runs"));
        }
        self.leased_until = Some(how.term.until());
        self.owner = self.owner.next();
        Ok(self.owner)
    }
}

/// A change of a session. Each status change, and each further call, appends the event of the same meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionChange {
    /// The carrier took the call: `connecting`.
    Connecting {
        /// The carrier's name for it.
        call: CarrierCallId,
        /// When.
        at: Timestamp,
    },
    /// The other side was not reached, may not be called now, or [asked to be called again](Session::call_back_at): it
    /// waits. No event.
    Postponed {
        /// When the next attempt is due.
        until: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// The other side is on the line: `answered`.
    Connected {
        /// When.
        at: Timestamp,
    },
    /// It is over: `completed`, `timeout` or `failed`.
    Ended {
        /// Why; decides the status.
        reason: EndReason,
        /// Who ended it.
        source: EventSource,
        /// When.
        at: Timestamp,
    },
    /// Something that belongs to the session became known.
    Attach {
        /// What.
        what: Attachment,
        /// When.
        at: Timestamp,
    },
}

/// What belongs to a session and becomes known on the way; what is `None` stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachment {
    /// The carrier account its calls go through.
    pub account: Option<AccountName>,
    /// Where the recording is.
    pub recording_url: Option<String>,
    /// What it cost so far, in millionths of a US dollar.
    pub cost_micros: Option<i64>,
}

impl SessionChange {
    /// The status after the change, if it changes it.
    #[must_use]
    pub const fn status(&self) -> Option<SessionStatus> {
        match self {
            Self::Connecting { .. } => Some(SessionStatus::Connecting),
            Self::Connected { .. } => Some(SessionStatus::InProgress),
            Self::Ended { reason, .. } => Some(reason.status()),
            Self::Postponed { .. } | Self::Attach { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote() -> SealedAddress {
        let vault = crate::Vault::generate().unwrap();
        vault
            .seal_address(SealedRow::session(TenantId::new(), SessionId::new()), &"+46701234567".parse().unwrap())
            .unwrap()
    }

    #[test]
    fn a_person_is_known_by_the_address_unless_by_another() {
        let (tenant, at) = (TenantId::new(), Timestamp::UNIX_EPOCH);
        let (one, two) = (remote(), remote());
        let known = NewSession::inbound(tenant, Some(one.clone()), at);
        assert_eq!(Session::created(&known).person, Some(one.lookup.into()));
        let by_another = NewSession { person: Some(two.lookup.into()), ..known };
        assert_eq!(Session::created(&by_another).person, Some(two.lookup.into()));
        let withheld = Session::created(&NewSession::inbound(tenant, None, at));
        assert_eq!((withheld.person, withheld.due_at), (None, None), "who called us waits for no call");
    }

    #[test]
    fn nobody_is_called_at_no_address() {
        let nobody = NewSession {
            direction: Direction::Outbound,
            ..NewSession::inbound(TenantId::new(), None, Timestamp::UNIX_EPOCH)
        };
        assert_eq!(nobody.validate().unwrap_err().field(), Some("remote"));
    }

    #[test]
    fn a_further_attempt_is_another_call_and_a_session_waits_between_them() {
        let at = Timestamp::UNIX_EPOCH;
        let mut session = Session::created(&NewSession::outbound(TenantId::new(), remote(), at));
        let calls = |call: &str| SessionChange::Connecting { call: CarrierCallId::new(call), at };
        session.claim(&Claim::new(at, std::time::Duration::ZERO)).unwrap();
        assert!(session.claim(&Claim::new(at, std::time::Duration::ZERO)).is_err(), "one turn is taken once");
        session.apply(&calls("CA1")).unwrap();
        assert!(session.apply(&calls("CA1")).is_err(), "the same call twice is no news");
        session.apply(&SessionChange::Postponed { until: Timestamp::MAX, at }).unwrap();
        assert_eq!((session.status, session.due_at), (SessionStatus::Connecting, Some(Timestamp::MAX)));
        session.claim(&Claim::new(at, std::time::Duration::ZERO)).unwrap();
        session.apply(&calls("CA2")).unwrap();
        assert_eq!(session.carrier_call, Some(CarrierCallId::new("CA2")));
        session.apply(&SessionChange::Connected { at }).unwrap();
        assert!(session.apply(&SessionChange::Postponed { until: at, at }).is_err());
        assert!(session.apply(&calls("CA3")).is_err());
    }
}
