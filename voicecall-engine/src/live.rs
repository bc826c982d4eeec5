//! A call whose socket has come: from the ticket to the stored end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument, error, info, info_span, warn};

use super::ending::{hang_up_when_told, source_of};
use super::named::Named;
use super::observe::Observed;
use super::plan::{CallOutcome, CallPlan, PlanRequest};
use super::recording::{CallRecording, Discarded, RecordingFolder};
use super::retry::{ON_THE_LINE, retry, retry_for};
use super::sink::{EngineSink, Outlets};
use super::ticket::{Admitted, CallTicket, MediaTicket};
use super::transfer::redirect;
use super::voicemail::{AmdResult, WhileDetecting, assume_person};
use super::{CallEngine, Live};
use voicecall_core::call::{
    CallMachine, CallRunner, Conversation, InputEvent, InputRecorder, Keep, MediaSocket, TextMachine,
};
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::journal;
use voicecall_core::money::Cost;
use voicecall_core::store::{AcquireLease, EndReason, EventSource, Lease, past};
use voicecall_core::{Epoch, SessionId, TenantId};
use voicecall_core::{Error, ErrorKind, Result};

/// How many lines of what was said before are told to a dialogue.
const REMEMBERED_LINES: usize = 40;

impl CallEngine {
    /// Checks a media socket's handshake and takes its token in. Everything after this costs something; nothing before.
    /// Every process over one store, with the same vault, knows the token. An account whose carrier has one address for all
    /// sockets has its name in the place of a token.
    ///
    /// # Errors
    /// `Unauthenticated` for a wrong signature or a token that is wrong, used or too old; `Unavailable` if as many
    /// calls as allowed are connected.
    pub fn admit(&self, token: &str, handshake: &WebhookRequest<'_>) -> Result<MediaTicket> {
        let admitted = match self.shared_address(token) {
            Some(account) => {
                account.backend().media_handshake(handshake)?;
                Admitted::Account(account.name())
            }
            None => {
                let ticket = CallTicket::read(token, &self.vault, self.now())?;
                self.accounts.get(ticket.key.account)?.backend().media_handshake(handshake)?;
                Admitted::Call(ticket)
            }
        };
        let mut state = self.state();
        if matches!(admitted, Admitted::Call(_)) {
            state.tickets.redeem(token, Instant::now())?;
        }
        if state.live.len() >= self.rules().max_live {
            return Err(Error::new(ErrorKind::Unavailable, "open media socket").with_message("too many calls"));
        }
        Ok(MediaTicket(admitted))
    }

    /// Runs a call over its socket, to the end. Everything is stored when this returns.
    ///
    /// # Errors
    /// `NotFound` if the session is not there, or no call waits for the socket; `Conflict` if it is connected already, here or in another process, or
    /// another socket with the same ticket has it;
    /// `Unavailable` if as many calls as allowed are connected; `Protocol` if the socket did not name its call in time: none
    /// of them touches the session. `Conflict` if it is over; what planning, the agent or the store report: the session is
    /// then ended as a technical failure.
    pub async fn run<M: MediaSocket + 'static>(self: &Arc<Self>, ticket: MediaTicket, socket: M) -> Result<EndReason> {
        // The call's time counts from here, whatever is looked up and planned meanwhile.
        let opened = (self.now(), Instant::now());
        match ticket.0 {
            Admitted::Call(ticket) => self.run_call(ticket, opened, socket).await,
            Admitted::Account(account) => {
                let (ticket, socket) = self.call_of(account, socket).await?;
                self.run_call(ticket, opened, socket).await
            }
        }
    }

    async fn run_call<M: MediaSocket + 'static>(
        self: &Arc<Self>,
        ticket: CallTicket,
        opened: (Timestamp, Instant),
        socket: M,
    ) -> Result<EndReason> {
        let (tenant, attempt) = (ticket.key.tenant, ticket.key.attempt);
        let session = retry_for(ON_THE_LINE, || self.store.attempt(tenant, attempt)).await?.session;
        let (control, commands) = mpsc::channel(16);
        let amd = watch::Sender::new(AmdResult::Unknown);
        let live = Live {
            tenant,
            call: ticket.call.clone(),
            account: self.accounts.get(ticket.key.account)?,
            since: Instant::now(),
            time_limit: self.rules().time_limit,
            epoch: None,
            discarded: Discarded::default(),
            amd: amd.clone(),
            control: control.clone(),
            abort: None,
        };
        self.connect(session, live)?;
        let span = info_span!("call", %session);
        let engine = Arc::clone(self);
        // Its own task: a server that drops the connection's future, or a panic in one call, ends nothing else.
        let task = tokio::spawn(
            async move { engine.run_owned(ticket, session, opened, (amd, commands), socket).await }.instrument(span),
        );
        if let Some(live) = self.state().live.get_mut(&session) {
            live.abort = Some(task.abort_handle());
        }
        let result = match task.await {
            Ok(result) => result,
            Err(error) => Err(Error::new(ErrorKind::Internal, "run call").with_source(error)),
        };
        if matches!(result, Ok(Ran::Lost) | Err(_)) {
            self.discard_if_erased(tenant, session).await;
        }
        let is_ours = {
            let live = &mut self.state().live;
            let is_it = live.get(&session).is_some_and(|live| live.control.same_channel(&control));
            is_it && live.remove(&session).is_some()
        };
        // Its call still rings for the socket that names it.
        if !matches!(result, Ok(Ran::Unnamed)) {
            self.remove_ringing(attempt);
        }
        if !is_ours {
            return Err(lost_call());
        }
        match result {
            Ok(Ran::Over(reason)) => Ok(reason),
            // The call itself may still get its audio, or the carrier tells how it ended.
            Ok(Ran::Unnamed) => Err(unnamed()),
            Ok(Ran::TooLate) => {
                Err(Error::new(ErrorKind::Conflict, "run call").with_message("the session waits for another attempt"))
            }
            Ok(Ran::Spent) => {
                Err(Error::new(ErrorKind::Conflict, "run call").with_message("another socket has used the ticket"))
            }
            Ok(Ran::Lost) => Err(lost_call()),
            Err(error) => {
                error!(%session, %error, "a call broke");
                self.close_broken(tenant, session).await;
                Err(error)
            }
        }
    }

    /// Makes a session live, unless it is: nobody shall be talked to twice.
    fn connect(&self, session: SessionId, live: Live) -> Result<()> {
        let mut state = self.state();
        if state.live.contains_key(&session) {
            return Err(Error::new(ErrorKind::Conflict, "run call").with_message("the call is connected already"));
        }
        // Sockets that were admitted at the same time do not count yet when the next one is.
        if state.live.len() >= self.rules().max_live {
            return Err(Error::new(ErrorKind::Unavailable, "run call").with_message("too many calls"));
        }
        state.live.insert(session, live);
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    /// A session's socket has come, and is this process's to run.
    fn has_come(&self, session: SessionId, epoch: Epoch) {
        let mut state = self.state();
        if let Some(live) = state.live.get_mut(&session) {
            live.epoch = Some(epoch);
        }
        state.broken.remove(&session);
        drop(state);
        self.changed.notify_waiters();
    }

    /// A call broke here, which is how its session ends unless its journal tells better.
    async fn close_broken(&self, tenant: TenantId, id: SessionId) {
        let booked = async { self.book_end(&self.store.session(tenant, id).await?).await };
        match booked.await {
            Ok(Some(_)) => {}
            Ok(None) => self.close_call(tenant, id, EndReason::TechnicalFailure, EventSource::System).await,
            // It stays open, and is looked at by the next recovery.
            Err(error) => error!(session = %id, %error, "the end of a call could not be stored"),
        }
    }

    async fn run_owned<M: MediaSocket>(
        self: &Arc<Self>,
        ticket: CallTicket,
        id: SessionId,
        (now, opened): (Timestamp, Instant),
        (amd, commands): (watch::Sender<AmdResult>, mpsc::Receiver<Box<InputEvent<'static>>>),
        socket: M,
    ) -> Result<Ran> {
        let tenant = ticket.key.tenant;
        let account = self.accounts.get(ticket.key.account)?;
        let named = match account.converses() {
            None => Named::wait(socket, account.backend().media_codec()).await,
            Some(_) => Named::wait(socket, account.backend().text_codec()?).await,
        };
        let socket = match named {
            Some((socket, call)) if call == ticket.call => socket,
            Some((socket, _)) => {
                warn!("a media socket named another call");
                socket.refuse().await;
                return Ok(Ran::Unnamed);
            }
            None => return Ok(Ran::Unnamed),
        };
        let session = retry_for(ON_THE_LINE, || self.store.session(tenant, id)).await?;
        if session.status.is_final() {
            return Err(Error::new(ErrorKind::Conflict, "run call").with_message("the session is over"));
        }
        // A machine was found out before its audio came: the carrier asks what it is told when the socket closes.
        if session.due_at.is_some() {
            return Ok(Ran::TooLate);
        }
        let next = AcquireLease::from_owner(ticket.owner, self.lease_term());
        let epoch = match retry_for(ON_THE_LINE, || self.store.acquire_lease(tenant, id, next)).await {
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(Ran::Spent),
            epoch => epoch?,
        };
        self.has_come(id, epoch);
        let answered_at = session.connected_at;
        let journal = retry_for(ON_THE_LINE, || self.store.journal(tenant, id)).await?;
        let request = PlanRequest { session: session.clone(), journal, now, resumed: answered_at.is_some() };
        let ringing = self.state().ringing.remove(&ticket.key.attempt);
        let plan = match ringing.and_then(|ringing| ringing.plan) {
            Some(plan) => plan,
            None => retry_for(ON_THE_LINE, || self.handler.plan(&request)).await?,
        };
        plan.validate(&account)?;
        let CallPlan { agent, mut settings, setup, mut dialogue } = plan;
        settings.recording &= self.config.recordings.is_some();
        settings.first_seq = journal::next_seq(&request.journal);
        settings.returned_from = journal::open_offer(&request.journal).map(|offer| offer.to.to_owned());
        let elapsed = answered_at.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
        settings.elapsed = elapsed.unwrap_or_default();
        let detects = self.detects(&session, &account).await;
        if answered_at.is_some() || detects != Some(WhileDetecting::Agent) {
            assume_person(&amd);
        }
        let earlier = Cost::of(&request.journal).unwrap_or_default();
        let price = self.price_of(&account, &session);
        settings.budget = settings.budget.map(|mut budget| {
            budget.prices.carrier = price.unwrap_or(budget.prices.carrier);
            budget.detects_machines |= detects.is_some();
            if answered_at.is_some() { budget.resumed(earlier) } else { budget.again(earlier) }
        });
        let agent = retry_for(ON_THE_LINE, || agent.open(&setup)).await?;
        dialogue.begin(answered_at.unwrap_or(now));
        dialogue.recall(&retry_for(ON_THE_LINE, || past(&*self.store, &session, REMEMBERED_LINES)).await?);
        dialogue.resume(&request.journal);
        dialogue.validate()?;
        if settings.keep == Keep::AfterConsent && !dialogue.can_grant_consent() {
            return Err(Error::invalid("plan.keep", "a dialogue that can grant consent, for `AfterConsent`"));
        }
        let (hang_up, hung_up) = oneshot::channel();
        let (transfer, transfers) = mpsc::channel(1);
        let of_live = |live: &Live| (live.control.clone(), live.discarded.clone());
        let (control, discarded) = self.state().live.get(&id).map(of_live).ok_or_else(lost_call)?;
        let observed = Observed::new(dialogue, tenant, id, Arc::clone(&self.events));
        let mut recording = None;
        let mut inputs = None;
        if let Some(recordings) = self.config.recordings.as_ref().filter(|_| settings.recording) {
            let recorder = inputs.insert(InputRecorder::new(&settings)).clone();
            let folder = RecordingFolder::new(recordings, (tenant, id), &self.config.seal);
            recording = Some(CallRecording::new(folder, &self.recorder, recorder, discarded));
        }
        let (sink, writer) = EngineSink::new(
            Arc::clone(&self.store),
            (tenant, id, epoch),
            answered_at.unwrap_or(now),
            Arc::clone(&self.events),
            amd.clone(),
            Outlets { hang_up, transfer, control },
            recording,
        );
        let mut tasks = JoinSet::new();
        tasks.spawn(writer.in_current_span());
        tasks.spawn(
            redirect(Arc::clone(self), Arc::clone(&account), (ticket.key, ticket.call.clone()), transfers)
                .in_current_span(),
        );
        tasks.spawn(
            hang_up_when_told(
                Arc::clone(self),
                session,
                (Arc::clone(&account), ticket.call.clone()),
                amd.subscribe(),
                hung_up,
            )
            .in_current_span(),
        );
        info!("media connected");
        let end = match account.converses() {
            None => {
                let logic = Conversation::new(CallMachine::new(settings), Box::new(observed));
                let logic = inputs.into_iter().fold(logic, Conversation::with_recorder);
                let codec = account.backend().media_codec();
                CallRunner { logic, agent, codec, sink, opened, control: commands }.run(socket).await.without_logic()
            }
            Some(_) => {
                let logic = Conversation::new(TextMachine::new(settings, setup), Box::new(observed));
                let codec = account.backend().text_codec()?;
                let runner = CallRunner { logic, agent, codec, sink, opened, control: commands };
                // In a box, so that calls with audio keep no room for it.
                Box::pin(runner.run(socket)).await.without_logic()
            }
        };
        // Whoever hung up before it was found out counts as a person: nothing of the call may be lost.
        assume_person(&amd);
        let sink = end.sink.finish().await;
        while let Some(done) = tasks.join_next().await {
            if let Err(error) = done {
                error!(%error, "a task of the call panicked");
            }
        }
        let who = amd.borrow().clone();
        let is_machine = matches!(who, AmdResult::Machine(_));
        let reason = sink.reason.unwrap_or(EndReason::TechnicalFailure);
        let reason = if is_machine { EndReason::Voicemail } else { reason };
        info!(%reason, seconds = end.duration.as_secs(), bad_messages = end.bad_messages, "call ended");
        if !retry(|| self.still_owns(Lease { tenant, session: id, epoch })).await? {
            return Ok(Ran::Lost);
        }
        if sink.offered {
            retry(|| self.attach(tenant, id)).await?;
            self.release(Lease { tenant, session: id, epoch }).await;
            return Ok(Ran::Over(reason));
        }
        if sink.lost && !is_machine {
            if retry(|| self.keep_open(ticket.key, id, epoch, &ticket.call)).await? {
                return Ok(Ran::Over(reason));
            }
            self.play_failure_message(&account, &ticket.call).await;
        }
        let source = source_of(reason);
        retry(|| self.attach(tenant, id)).await?;
        let session = if is_machine && retry(|| self.was_machine(ticket.key, id)).await? {
            retry(|| self.store.session(tenant, id)).await?
        } else {
            retry(|| self.conclude(tenant, id, reason, source)).await?
        };
        self.handler.finished(&CallOutcome { session, reason, recording: sink.folder }).await;
        Ok(Ran::Over(reason))
    }
}

pub(super) fn unnamed() -> Error {
    Error::new(ErrorKind::Protocol, "run call").with_message("the socket did not name its call")
}

fn lost_call() -> Error {
    Error::new(ErrorKind::Conflict, "run call").with_message("another process runs the call")
}

/// What became of a socket.
enum Ran {
    /// Its call is over, or waits for another socket.
    Over(EndReason),
    /// It did not name its call.
    Unnamed,
    /// Its attempt was over before it came.
    TooLate,
    /// Another socket with its ticket was quicker.
    Spent,
    /// Another process has taken its call over.
    Lost,
}
