//! Tickets to the media socket: signed, so that every process over one store knows them, and good for one socket of one
//! call, for a short time.
//!
//! A ticket names the session's owner at the time. Whoever runs the socket becomes the next one by a compare-and-set in the
//! store, so that of several sockets with one ticket, in whatever processes, one gets the call.
//!
//! A carrier that has one address for the sockets of all calls cannot carry a ticket. It stays in the process that answered,
//! and is found by the call's name; any other process takes the first socket of a call, and none after that.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use tokio::time::Instant;

use super::address::CallKey;
use voicecall_core::{AccountName, CarrierCallId, Epoch, Error, ErrorKind, Result, Vault};

/// How long after the call was answered its socket may come.
const VALID_FOR: Duration = Duration::from_secs(60);

/// What the signature is for.
const CONTEXT: &str = "media ticket";

/// The longest token that is looked at, in characters.
const LONGEST: usize = 1024;

/// The right to run one call's media socket. It cannot be cloned and is used up by running.
#[derive(Debug)]
pub struct MediaTicket(pub(super) Admitted);

/// What a socket may become.
#[derive(Debug)]
pub(super) enum Admitted {
    /// That of the call the ticket is for.
    Call(CallTicket),
    /// That of a call of this account, whichever it names: the ticket has stayed here, or the call waits for its first socket.
    Account(AccountName),
}

/// A ticket for one call.
#[derive(Debug)]
pub(super) struct CallTicket {
    pub(super) key: CallKey,
    /// The call that was answered; the socket must name the same one.
    pub(super) call: CarrierCallId,
    /// Who owned the session when it was answered.
    pub(super) owner: Epoch,
}

impl CallTicket {
    /// The ticket as a token of characters that need no escaping.
    fn sign(&self, vault: &Vault, now: Timestamp) -> Result<String> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce)
            .map_err(|error| Error::new(ErrorKind::Internal, "draw random bytes").with_source(error))?;
        let expires = now.as_second().saturating_add(VALID_FOR.as_secs().cast_signed());
        let nonce = u64::from_be_bytes(nonce);
        let plain = format!("{}\n{}\n{}\n{expires}\n{nonce}", self.key, self.call, self.owner.0);
        let code = vault.authenticate(CONTEXT, plain.as_bytes());
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(plain), URL_SAFE_NO_PAD.encode(code)))
    }

    /// The ticket of a token that is ours and has not expired.
    pub(super) fn read(token: &str, vault: &Vault, now: Timestamp) -> Result<Self> {
        let ticket = if token.len() <= LONGEST { Self::verify(token, vault, now) } else { None };
        ticket.ok_or_else(refused)
    }

    fn verify(token: &str, vault: &Vault, now: Timestamp) -> Option<Self> {
        let (plain, code) = token.split_once('.')?;
        let (plain, code) = (URL_SAFE_NO_PAD.decode(plain).ok()?, URL_SAFE_NO_PAD.decode(code).ok()?);
        if !vault.is_authentic(CONTEXT, &plain, &code) {
            return None;
        }
        let plain = String::from_utf8(plain).ok()?;
        let mut parts = plain.split('\n');
        let (key, call, owner) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?.parse().ok()?);
        let expires: i64 = parts.next()?.parse().ok()?;
        (now.as_second() < expires).then(|| Self { key, call: CarrierCallId::new(call), owner: Epoch(owner) })
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "open media socket").with_field("token")
}

/// The tickets this process gave out and took in lately.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    /// By the delivery they answered.
    issued: HashMap<(CallKey, String), Issued>,
    /// Tokens that opened a socket here, until they would have expired.
    used: HashMap<String, Instant>,
    /// Tokens that no address carries, by the call that will name itself.
    kept: HashMap<(AccountName, CarrierCallId), (String, Instant)>,
}

#[derive(Debug)]
struct Issued {
    token: String,
    owner: Epoch,
    expires: Instant,
}

impl Tickets {
    /// The token that answered this delivery, and whether a socket may still use it. Who asks twice gets one answer.
    pub(super) fn answered(&self, key: CallKey, delivery: &str, now: Instant) -> Option<(&str, bool)> {
        let issued = self.issued.get(&(key, delivery.to_owned())).filter(|issued| issued.expires > now)?;
        Some((&issued.token, !self.used.contains_key(&issued.token)))
    }

    /// A token for an answered call; the same one for the same delivery, until it is used.
    pub(super) fn issue(
        &mut self,
        ticket: &CallTicket,
        delivery: &str,
        vault: &Vault,
        (clock, now): (Timestamp, Instant),
    ) -> Result<String> {
        self.forget(now);
        let place = (ticket.key, delivery.to_owned());
        if let Some(issued) = self.issued.get(&place)
            && issued.owner == ticket.owner
            && !self.used.contains_key(&issued.token)
        {
            return Ok(issued.token.clone());
        }
        let token = ticket.sign(vault, clock)?;
        self.issued.insert(place, Issued { token: token.clone(), owner: ticket.owner, expires: now + VALID_FOR });
        Ok(token)
    }

    /// Keeps a call's token here, because the carrier has one address for all sockets.
    pub(super) fn keep(&mut self, ticket: &CallTicket, token: &str, now: Instant) {
        self.kept.insert((ticket.key.account, ticket.call.clone()), (token.to_owned(), now + VALID_FOR));
    }

    /// The token that was kept for a call, once.
    pub(super) fn take_kept(&mut self, account: AccountName, call: &CarrierCallId, now: Instant) -> Option<String> {
        self.forget(now);
        self.kept.remove(&(account, call.clone())).map(|(token, _)| token)
    }

    /// Takes in a token that was [read](CallTicket::read). It opens nothing here afterwards.
    pub(super) fn redeem(&mut self, token: &str, now: Instant) -> Result<()> {
        self.forget(now);
        match self.used.insert(token.to_owned(), now + VALID_FOR) {
            None => Ok(()),
            Some(_) => Err(refused()),
        }
    }

    fn forget(&mut self, now: Instant) {
        self.issued.retain(|_, issued| issued.expires > now);
        self.used.retain(|_, until| *until > now);
        self.kept.retain(|_, (_, until)| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voicecall_core::{AttemptId, TenantId};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn key() -> CallKey {
        CallKey { account: "scripted".parse().unwrap(), tenant: TenantId::new(), attempt: AttemptId::new() }
    }

    fn ticket(key: CallKey) -> CallTicket {
        CallTicket { key, call: CarrierCallId::new("CA1"), owner: Epoch(3) }
    }

    #[test]
    fn a_token_is_read_by_whoever_has_the_key_and_not_for_long() {
        let vault = Vault::generate().unwrap();
        let key = key();
        let token = ticket(key).sign(&vault, NOW).unwrap();
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) && token.len() < 256);
        let read = CallTicket::read(&token, &vault, NOW).unwrap();
        assert_eq!((read.key, read.call.as_str(), read.owner), (key, "CA1", Epoch(3)));
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert!(CallTicket::read(&token, &vault, at(59)).is_ok());
        let kind = |token: &str, vault: &Vault, now| CallTicket::read(token, vault, now).unwrap_err().kind();
        assert_eq!(kind(&token, &vault, at(60)), ErrorKind::Unauthenticated);
        assert_eq!(kind(&token, &Vault::generate().unwrap(), NOW), ErrorKind::Unauthenticated);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character of a part has bits that mean nothing; they are refused as well.
            assert_eq!(kind(&changed, &vault, NOW), ErrorKind::Unauthenticated, "character {at}");
        }
        for strange in ["", ".", "a.b", "ä.ö", &"a".repeat(LONGEST + 1)] {
            assert_eq!(kind(strange, &vault, NOW), ErrorKind::Unauthenticated);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_has_one_token_until_it_is_used_or_the_session_has_another_owner() {
        let vault = Vault::generate().unwrap();
        let (key, now) = (key(), Instant::now());
        let mut tickets = Tickets::default();
        let mut issue =
            |ticket: &CallTicket, delivery: &str| tickets.issue(ticket, delivery, &vault, (NOW, now)).unwrap();
        let token = issue(&ticket(key), "one");
        assert_eq!(issue(&ticket(key), "one"), token, "the same delivery");
        assert_ne!(issue(&ticket(key), "two"), token, "another one");
        assert_ne!(issue(&ticket(self::key()), "one"), token, "another call");
        let later = CallTicket { owner: Epoch(4), ..ticket(key) };
        assert_ne!(issue(&later, "one"), token, "another owner");
        assert!(tickets.redeem(&token, now).is_ok());
        assert_eq!(tickets.redeem(&token, now).unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
}
