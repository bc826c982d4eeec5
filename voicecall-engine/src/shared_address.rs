//! Carriers that have one address for the media sockets of all calls: which call a socket is of, and whether that call waits
//! for it.

use std::sync::Arc;

use tokio::time::Instant;

use super::CallEngine;
use super::accounts::Account;
use super::address::CallKey;
use super::live::unnamed;
use super::named::Named;
use super::retry::{ON_THE_LINE, retry_for};
use super::ticket::CallTicket;
use voicecall_core::call::MediaSocket;
use voicecall_core::store::SessionStatus;
use voicecall_core::{AccountName, CarrierCallId, Error, ErrorKind, Result};

impl CallEngine {
    /// The account that is named in the place of a token, if its carrier has one address for all sockets.
    pub(super) fn shared_address(&self, token: &str) -> Option<Arc<Account>> {
        let account = self.accounts.get(token.parse().ok()?).ok()?;
        (!account.backend().capabilities().media_addresses).then_some(account)
    }

    /// Waits for the name of a call of this account, and finds the ticket that this process has kept for it. Without one it
    /// may be the first socket of a call that another process, or an earlier one, has answered.
    pub(super) async fn call_of<M: MediaSocket>(
        &self,
        account: AccountName,
        socket: M,
    ) -> Result<(CallTicket, Named<M>)> {
        let account = self.accounts.get(account)?;
        let Some((socket, call)) = Named::wait(socket, account.backend().media_codec()).await else {
            return Err(unnamed());
        };
        let ticket = match self.kept_ticket(account.name(), &call) {
            Some(ticket) => Some(ticket),
            None => retry_for(ON_THE_LINE, || self.first_ticket(&account, &call)).await?,
        };
        match ticket {
            Some(ticket) => Ok((ticket, socket)),
            None => {
                socket.refuse().await;
                Err(Error::new(ErrorKind::NotFound, "run call").with_message("no call waits for this socket"))
            }
        }
    }

    fn kept_ticket(&self, account: AccountName, call: &CarrierCallId) -> Option<CallTicket> {
        let now = Instant::now();
        let mut state = self.state();
        let token = state.tickets.take_kept(account, call, now)?;
        state.tickets.redeem(&token, now).ok()?;
        CallTicket::read(&token, &self.vault, self.now()).ok()
    }

    async fn first_ticket(&self, account: &Account, call: &CarrierCallId) -> Result<Option<CallTicket>> {
        let Some(route) = self.route(account, call).await? else { return Ok(None) };
        let Some(attempt) = route.attempt else { return Ok(None) };
        let session = self.store.session(route.tenant, route.session).await?;
        let waits = session.status == SessionStatus::Connecting && session.due_at.is_none();
        let key = CallKey { account: account.name(), tenant: route.tenant, attempt };
        let is_its = waits && session.carrier_call.as_ref() == Some(call);
        Ok(is_its.then(|| CallTicket { key, call: call.clone(), owner: session.owner }))
    }
}
