//! Tickets to the media socket: a random token that opens one socket, once, for a short time, for one call.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;

use super::address::CallKey;
use voicecall_core::CarrierCallId;
use voicecall_core::{Error, ErrorKind, Result};

/// How long after the call was answered its socket may come.
const VALID_FOR: Duration = Duration::from_secs(60);

/// The right to run one call's media socket. It cannot be cloned and is used up by running.
#[derive(Debug)]
pub struct MediaTicket {
    pub(super) key: CallKey,
    /// The call that was answered; the socket must name the same one.
    pub(super) call: CarrierCallId,
}

#[derive(Debug, Default)]
pub(super) struct Tickets(HashMap<String, Issued>);

#[derive(Debug)]
struct Issued {
    /// Gone once a socket has used it.
    ticket: Option<MediaTicket>,
    key: CallKey,
    /// The delivery it answered.
    delivery: String,
    expires: Instant,
}

impl Tickets {
    /// The token that answered this delivery, and whether a socket may still use it. Who asks twice gets one answer.
    pub(super) fn answered(&self, key: CallKey, delivery: &str, now: Instant) -> Option<(&str, bool)> {
        let is_it = |issued: &Issued| issued.key == key && issued.delivery == delivery && issued.expires > now;
        let (token, issued) = self.0.iter().find(|(_, issued)| is_it(issued))?;
        Some((token, issued.ticket.is_some()))
    }

    /// Issues a token (256 random bits, 43 characters that need no escaping) for an answered call; the same one for the
    /// same delivery, until it is used.
    pub(super) fn issue(&mut self, ticket: MediaTicket, delivery: &str, now: Instant) -> Result<String> {
        self.0.retain(|_, issued| issued.expires > now);
        if let Some((token, true)) = self.answered(ticket.key, delivery, now) {
            return Ok(token.to_owned());
        }
        self.0.retain(|_, issued| issued.key != ticket.key || issued.delivery != delivery);
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::new(ErrorKind::Internal, "draw random bytes").with_source(error))?;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let (key, delivery) = (ticket.key, delivery.to_owned());
        let issued = Issued { ticket: Some(ticket), key, delivery, expires: now + VALID_FOR };
        self.0.insert(token.clone(), issued);
        Ok(token)
    }

    /// Which attempt a token was issued for, if it may still be used.
    pub(super) fn key_of(&self, token: &str, now: Instant) -> Option<CallKey> {
        self.0.get(token).filter(|issued| issued.expires > now && issued.ticket.is_some()).map(|issued| issued.key)
    }

    /// Takes a token in. It opens nothing afterwards.
    pub(super) fn redeem(&mut self, token: &str, now: Instant) -> Result<MediaTicket> {
        let issued = self.0.get_mut(token).filter(|issued| issued.expires > now);
        let ticket = issued.and_then(|issued| issued.ticket.take());
        ticket.ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "open media socket").with_field("token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voicecall_core::{AttemptId, TenantId};

    fn ticket() -> MediaTicket {
        let key = CallKey { account: "scripted".parse().unwrap(), tenant: TenantId::new(), attempt: AttemptId::new() };
        MediaTicket { key, call: CarrierCallId::new("CA1") }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_opens_one_socket_once_and_not_for_long() {
        let mut tickets = Tickets::default();
        let now = Instant::now();
        let token = tickets.issue(ticket(), "one", now).unwrap();
        let other = tickets.issue(ticket(), "one", now).unwrap();
        assert_ne!(token, other);
        let again = || MediaTicket { key: tickets.0[&token].key, call: CarrierCallId::new("CA1") };
        let (same, next) = (again(), again());
        assert_eq!(tickets.issue(same, "one", now).unwrap(), token, "the same delivery");
        assert_ne!(tickets.issue(next, "two", now).unwrap(), token, "another one");
        assert!(tickets.redeem(&token, now).is_ok());
        assert_eq!(tickets.redeem(&token, now).unwrap_err().kind(), ErrorKind::Unauthenticated);
        assert!(tickets.redeem(&other, now + VALID_FOR).is_err());
        assert!(tickets.redeem("", now).is_err());
    }
}
