//! What a carrier asks and reports about calls. Everything may come twice, late, or before its cause.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::CallEngine;
use super::accounts::Account;
use super::address::{CallKey, ReportOf};
use super::retry::{ON_THE_LINE, retry, retry_for};
use super::ticket::CallTicket;
use voicecall_core::call::InputEvent;
use voicecall_core::carrier::{
    CallFlow, CallStatus, CarrierEvent, CarrierEventKind, Converse, StreamTarget, WebhookReply, WebhookRequest,
};
use voicecall_core::store::{
    Direction, EndReason, EventSource, ProviderLog, ProviderOperation, Route, Session, SessionStatus, Signal,
};
use voicecall_core::{AccountName, CarrierCallId, Epoch, RecordId, SessionId};
use voicecall_core::{Error, ErrorKind, Result};

/// How long the answer to "what next?" waits for a call that is just ending. Carriers give up after 15 s.
const ENDING: Duration = Duration::from_secs(5);

impl CallEngine {
    /// Answers a carrier that asks what to do with an answered call: connect its audio to us.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not the carrier; `NotFound` for an attempt that is not ours.
    pub async fn answer(self: &Arc<Self>, key: CallKey, request: &WebhookRequest<'_>) -> Result<WebhookReply> {
        let (account, event) = self.verify(key.account, request).await?;
        retry_for(ON_THE_LINE, || self.try_answer(&account, key, &event)).await
    }

    async fn try_answer(
        self: &Arc<Self>,
        account: &Account,
        key: CallKey,
        event: &CarrierEvent,
    ) -> Result<WebhookReply> {
        let (session, _) = self.take_in(account, key, event).await?;
        if let Some(reply) = self.connected_by(account, key, event, session.id)? {
            return Ok(reply);
        }
        let attempt = self.store.attempt(key.tenant, key.attempt).await?;
        if attempt.outcome == Some(EndReason::Voicemail) {
            return account.reply(&self.to_machine(&session, key).await?);
        }
        let is_over = session.status.is_final() || session.due_at.is_some() || attempt.outcome.is_some();
        if is_over || self.is_live(session.id) || session.carrier_call.as_ref() != Some(&event.call) {
            // An attempt that is over, or a second answer for the same one: nobody shall be talked to twice.
            return account.reply(&CallFlow::hang_up());
        }
        let policy = self.handler.policy(&session).await?;
        if self.have_closed(&policy, attempt.created_at) {
            // The carrier let the call wait until the hours in which it was ordered had passed.
            warn!(session = %session.id, "a call was answered outside the permitted hours");
            self.remove_ringing(key.attempt);
            self.attempt_over(&session, key.attempt, EndReason::CallFailed, EventSource::System).await;
            return account.reply(&CallFlow::hang_up());
        }
        if let CarrierEventKind::Instruct { detection: Some(detection), .. } = &event.kind
            && detection.answered_by.is_machine()
        {
            return account.reply(&self.machine_answered(&session, key).await?);
        }
        self.connect_to_us(account, key, event, session.owner)
    }

    /// The instructions that connect a call's audio to us, for one socket. `owner` is the session's, which that socket
    /// follows.
    pub(super) fn connect_to_us(
        &self,
        account: &Account,
        key: CallKey,
        event: &CarrierEvent,
        owner: Epoch,
    ) -> Result<WebhookReply> {
        let ticket = CallTicket { key, call: event.call.clone(), owner };
        let now = (self.now(), Instant::now());
        let token = {
            let tickets = &mut self.state().tickets;
            let token = tickets.issue(&ticket, &event.delivery, &self.vault, now)?;
            if !account.backend().capabilities().media_addresses {
                tickets.keep(&ticket, &token, now.1);
            }
            token
        };
        self.stream_to_us(account, key, &token)
    }

    /// The answer this delivery got before, if the call was connected by it and still is.
    fn connected_by(
        &self,
        account: &Account,
        key: CallKey,
        event: &CarrierEvent,
        session: SessionId,
    ) -> Result<Option<WebhookReply>> {
        let token = {
            let state = self.state();
            let answered = state.tickets.answered(key, &event.delivery, Instant::now());
            answered.filter(|_| state.live.contains_key(&session)).map(|(token, _)| token.to_owned())
        };
        token.map(|token| self.stream_to_us(account, key, &token)).transpose()
    }

    fn stream_to_us(&self, account: &Account, key: CallKey, token: &str) -> Result<WebhookReply> {
        if let Some(how) = account.converses() {
            let converse = Converse::new(self.config.media_url(token)?, self.config.resume_url(key)?, how.clone());
            return account.backend().reply(&CallFlow::converse(converse));
        }
        let has_own = account.backend().capabilities().media_addresses;
        let target = StreamTarget {
            url: if has_own { self.config.media_url(token)? } else { self.config.shared_media_url(account.name())? },
            parameters: std::collections::BTreeMap::new(),
            status_url: Some(self.config.status_url(key)?),
        };
        account.backend().reply(&CallFlow::stream(target, self.config.resume_url(key)?))
    }

    /// Answers a carrier that asks what to do after the media socket has closed: hang up if the session is over; else go
    /// on, a few times; else apologise and hang up.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub async fn resume(self: &Arc<Self>, key: CallKey, request: &WebhookRequest<'_>) -> Result<WebhookReply> {
        let (account, event) = self.verify(key.account, request).await?;
        retry_for(ON_THE_LINE, || self.try_resume(&account, key, &event)).await
    }

    async fn try_resume(
        self: &Arc<Self>,
        account: &Account,
        key: CallKey,
        event: &CarrierEvent,
    ) -> Result<WebhookReply> {
        let (session, _) = self.take_in(account, key, event).await?;
        // The same question again, while the socket that answered it is ours: nothing has happened to the call.
        if let Some(reply) = self.connected_by(account, key, event, session.id)? {
            return Ok(reply);
        }
        if matches!(event.kind, CarrierEventKind::Instruct { status, .. } if status.is_final()) {
            // What was going on has ended with the call.
            self.tell_live(session.id, &event.call, InputEvent::CallEnded);
            return account.reply(&CallFlow::hang_up());
        }
        self.tell_live(session.id, &event.call, InputEvent::CallContinues);
        // The call's own task is about to store its end: the carrier is as quick as we are.
        let _ = timeout(ENDING, self.ended(session.id)).await;
        let session = self.store.session(key.tenant, session.id).await?;
        if self.store.attempt(key.tenant, key.attempt).await?.outcome == Some(EndReason::Voicemail) {
            return account.reply(&self.to_machine(&session, key).await?);
        }
        if session.status.is_final() && session.end_reason != Some(EndReason::TechnicalFailure) {
            return account.reply(&CallFlow::hang_up());
        }
        // It had ended before its process died: nothing is to be continued.
        if self.book_end(&session).await?.is_some() {
            return account.reply(&CallFlow::hang_up());
        }
        // Asked again before the socket came, or while it came: the same report came twice, and counts once.
        if let Some(reply) = self.connected_by(account, key, event, session.id)? {
            return Ok(reply);
        }
        let asked_before =
            matches!(self.state().tickets.answered(key, &event.delivery, Instant::now()), Some((_, true)));
        let is_live = self.is_live(session.id);
        let comes_back = asked_before || is_live || self.is_offered(&session).await?;
        if self.may_resume(&session).await? && (comes_back || self.told_to_come_back(&session)) {
            info!(session = %session.id, "a broken call goes on");
            return self.connect_to_us(account, key, event, session.owner);
        }
        if !is_live {
            self.end_session(key.tenant, session.id, EndReason::TechnicalFailure, EventSource::System).await;
        }
        account.reply(&self.farewell(account))
    }

    /// Takes in a carrier's report. Returns whether it was news: the same report delivered again changes nothing.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not the carrier; `Invalid` naming the field; `NotFound` for a call that is not ours.
    pub async fn report(self: &Arc<Self>, about: ReportOf, request: &WebhookRequest<'_>) -> Result<bool> {
        let (account, event) = self.verify(about.account(), request).await?;
        let key = match about {
            ReportOf::Call(key) => key,
            ReportOf::Account(name) => self.key_of(name, &event).await?,
        };
        let (session, is_news) = retry_for(ON_THE_LINE, || self.take_in(&account, key, &event)).await?;
        let (attempt, call) = (key.attempt, event.call);
        match event.kind {
            // The process that runs the call knows how it ended; one that has died asks the carrier again.
            CarrierEventKind::Status { status, .. } if status.is_final() && self.is_run_elsewhere(&session) => {
                self.signal(&session, &Signal::Status { attempt, call, status }).await?;
            }
            CarrierEventKind::Detected(detection) if self.is_run_elsewhere(&session) => {
                let answered_by = detection.answered_by;
                self.signal(&session, &Signal::Detected { attempt, call, answered_by }).await?;
            }
            CarrierEventKind::Status { status, .. } => self.take_status(&session, key, &call, status).await,
            CarrierEventKind::Detected(detection) => {
                self.detected(&session, key, &call, detection.answered_by).await?;
            }
            _ => {}
        }
        Ok(is_news)
    }

    /// What is said to somebody whose call cannot be continued.
    pub(super) fn farewell(&self, account: &Account) -> CallFlow {
        self.rules().farewell.flow(&**account.backend()).unwrap_or_else(|_| CallFlow::hang_up())
    }

    /// Reads what this account's carrier says, if it is the carrier and so it is.
    pub(super) async fn verify(
        &self,
        account: AccountName,
        request: &WebhookRequest<'_>,
    ) -> Result<(Arc<Account>, CarrierEvent)> {
        let account = self.accounts.get(account)?;
        let event = account.backend().webhook(request)?;
        let event = account.backend().confirm(event).await?;
        Ok((account, event))
    }

    async fn key_of(&self, account: AccountName, event: &CarrierEvent) -> Result<CallKey> {
        let route = self.route(&*self.accounts.get(account)?, &event.call).await?;
        let key = route.and_then(|route| Some(CallKey { account, tenant: route.tenant, attempt: route.attempt? }));
        key.ok_or_else(|| Error::new(ErrorKind::NotFound, "take in report"))
    }

    /// Whose a call of this account is, if it is one of ours.
    pub(super) async fn route(&self, account: &Account, call: &CarrierCallId) -> Result<Option<Route>> {
        let carrier = account.backend().name();
        if let Some(route) = self.store.route_call(carrier, Some(account.name()), call).await? {
            return Ok(Some(route));
        }
        // From before accounts had names.
        self.store.route_call(carrier, None, call).await
    }

    /// Takes in that a carrier asks or reports. Returns the session as it is then, and whether it was news.
    pub(super) async fn take_in(
        &self,
        account: &Account,
        key: CallKey,
        event: &CarrierEvent,
    ) -> Result<(Session, bool)> {
        let begun = Instant::now();
        let attempt = self.store.attempt(key.tenant, key.attempt).await?;
        if attempt.call.as_ref().is_some_and(|call| *call != event.call) {
            return Err(Error::new(ErrorKind::Conflict, "take in report").with_field("call"));
        }
        let session = self.store.session(key.tenant, attempt.session).await?;
        // Also when the store failed between the two steps of an earlier binding.
        if attempt.call.is_none() || session.status == SessionStatus::Initiated {
            self.bind(key, &event.call).await?;
        }
        let is_news = self.log_webhook(account, &session, event, begun).await;
        Ok((self.store.session(key.tenant, attempt.session).await?, is_news))
    }

    /// Keeps that a carrier asked or reported something. Returns whether it was news.
    pub(super) async fn log_webhook(
        &self,
        account: &Account,
        session: &Session,
        event: &CarrierEvent,
        begun: Instant,
    ) -> bool {
        let log = ProviderLog {
            // The same for each delivery, so that the store tells what is news.
            id: RecordId::derived(&[b"webhook", session.id.as_uuid().as_bytes(), event.delivery.as_bytes()]),
            session: session.id,
            provider: account.name().to_string(),
            provider_call: Some(event.call.as_str().to_owned()),
            operation: ProviderOperation::Webhook,
            request: json!({ "event": event.kind.without_personal_data(), "sequence": event.sequence }),
            response: json!({}),
            status_code: Some(200),
            latency: begun.elapsed(),
            success: true,
            error_message: None,
            quality_metrics: None,
            timestamp: self.now(),
        };
        self.log_provider(session.tenant, account, &log).await
    }

    /// Takes in how far a call has come, as far as that is not the business of the call's own task.
    pub(super) async fn advance(&self, session: &Session, key: CallKey, status: CallStatus) {
        let reason = match status {
            CallStatus::Busy => EndReason::Busy,
            CallStatus::NoAnswer => EndReason::NoAnswer,
            CallStatus::Failed => EndReason::CallFailed,
            CallStatus::Canceled => EndReason::Canceled,
            // A call that is over while its audio is still ours ends itself, with its own reason; one whose audio
            // never came, or was lost, ends here.
            CallStatus::Completed if !self.is_live(session.id) => EndReason::TechnicalFailure,
            _ => return,
        };
        if status.is_final() {
            match retry(|| self.has_end(session)).await {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => {
                    warn!(session = %session.id, %error, "the end of a call could not be stored");
                    return;
                }
            }
        }
        // Nobody is called back for a call that came in: its caller hung up before anybody was there.
        let abandoned = session.direction == Direction::Inbound && session.connected_at.is_none();
        let reason = if abandoned { EndReason::Abandoned } else { reason };
        self.remove_ringing(key.attempt);
        if session.status == SessionStatus::InProgress && reason != EndReason::TechnicalFailure {
            warn!(session = %session.id, %reason, "a report contradicts the call");
            return;
        }
        // A session that waits has booked this attempt.
        if session.status.is_final() || session.due_at.is_some() {
            return;
        }
        info!(session = %session.id, %reason, "call ended at the carrier");
        match reason {
            EndReason::Busy | EndReason::NoAnswer | EndReason::CallFailed => {
                self.attempt_over(session, key.attempt, reason, EventSource::Telephony).await;
            }
            _ => self.close_call(key.tenant, session.id, reason, EventSource::Telephony).await,
        }
    }

    /// Whether what is stored tells how a call ended that is over and that nobody runs. Its session has ended then.
    async fn has_end(&self, session: &Session) -> Result<bool> {
        if session.status != SessionStatus::InProgress || self.is_live(session.id) {
            return Ok(false);
        }
        // Whoever is asked to take a call has not taken it, and nobody talks to us: its caller has hung up.
        Ok(self.offered_call_ended(session).await? || self.book_end(session).await?.is_some())
    }

    /// Tells a call's own task what the carrier says of the call. Never waits: a task that takes in nothing any more is
    /// ended by whoever watches over calls.
    pub(super) fn tell_live(&self, session: SessionId, call: &CarrierCallId, news: InputEvent<'static>) {
        let state = self.state();
        if let Some(live) = state.live.get(&session).filter(|live| live.call == *call)
            // One that is ending takes in nothing, and needs to know nothing.
            && let Err(TrySendError::Full(_)) = live.control.try_send(Box::new(news))
        {
            warn!(%session, "a call did not take in what the carrier says of it");
        }
    }

    pub(super) fn is_live(&self, session: SessionId) -> bool {
        self.state().live.contains_key(&session)
    }

    pub(super) async fn ended(&self, session: SessionId) {
        loop {
            let changed = self.changed.notified();
            if !self.is_live(session) {
                return;
            }
            changed.await;
        }
    }
}
