//! Tickets to the media socket: a random token that opens one socket, once, for a short time, for one call.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;

use super::address::CallKey;
use crate::error::{Error, ErrorKind, Result};
use crate::id::CarrierCallId;

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
pub(super) struct Tickets(HashMap<String, (MediaTicket, Instant)>);

impl Tickets {
    /// Issues a token (256 random bits, 43 characters that need no escaping) for an answered call.
    pub(super) fn issue(&mut self, ticket: MediaTicket, now: Instant) -> Result<String> {
        self.0.retain(|_, (_, expires)| *expires > now);
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::new(ErrorKind::Internal, "draw random bytes").with_source(error))?;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        self.0.insert(token.clone(), (ticket, now + VALID_FOR));
        Ok(token)
    }

    /// Takes a token in. It is gone afterwards.
    pub(super) fn redeem(&mut self, token: &str, now: Instant) -> Result<MediaTicket> {
        match self.0.remove(token) {
            Some((ticket, expires)) if expires > now => Ok(ticket),
            _ => Err(Error::new(ErrorKind::Unauthenticated, "open media socket").with_field("token")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AttemptId, TenantId};

    fn ticket() -> MediaTicket {
        let key = CallKey { tenant: TenantId::new(), attempt: AttemptId::new() };
        MediaTicket { key, call: CarrierCallId::new("CA1") }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_opens_one_socket_once_and_not_for_long() {
        let mut tickets = Tickets::default();
        let now = Instant::now();
        let token = tickets.issue(ticket(), now).unwrap();
        let other = tickets.issue(ticket(), now).unwrap();
        assert_ne!(token, other);
        assert!(tickets.redeem(&token, now).is_ok());
        assert_eq!(tickets.redeem(&token, now).unwrap_err().kind(), ErrorKind::Unauthenticated);
        assert!(tickets.redeem(&other, now + VALID_FOR).is_err());
        assert!(tickets.redeem("", now).is_err());
    }
}
