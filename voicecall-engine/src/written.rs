//! Messages that people write while they are in a call: the call's next turn knows them.

use voicecall_core::call::InputEvent;
use voicecall_core::store::{Channel, PageRequest, SessionFilter, SessionStatus, Signal};
use voicecall_core::{PersonKey, Result, SessionId, TenantId};

use super::CallEngine;

/// The most sessions of one person that are looked through for a call.
const SESSIONS: u32 = 10;

impl CallEngine {
    /// Tells the call that a person is in, in whichever process, what they wrote meanwhile. Returns whether they are in one.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn wrote(&self, tenant: TenantId, person: PersonKey, text: &str) -> Result<bool> {
        let statuses = vec![SessionStatus::InProgress];
        let filter = SessionFilter { statuses, person: Some(person), ..SessionFilter::default() };
        let page = PageRequest { page: 1, per_page: SESSIONS };
        let found = self.store.sessions(tenant, &filter, page).await?.items;
        for call in found.into_iter().filter(|session| session.channel == Channel::Voice) {
            if self.pass_on(tenant, call.id, text).await {
                return Ok(true);
            }
            if self.is_run_elsewhere(&call) {
                self.signal(&call, &Signal::Wrote { text: text.to_owned() }).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tells a call that runs here. Returns whether it does.
    pub(super) async fn pass_on(&self, tenant: TenantId, session: SessionId, text: &str) -> bool {
        let control = {
            let state = self.state();
            state.live.get(&session).filter(|live| live.tenant == tenant).map(|live| live.control.clone())
        };
        let Some(control) = control else { return false };
        control.send(Box::new(InputEvent::Wrote { text: text.to_owned() })).await.is_ok()
    }
}
