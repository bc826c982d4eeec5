//! A call whose socket has come: from the ticket to the stored end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, error, info, info_span, warn};

use super::observe::{LiveEventKind, Observed};
use super::plan::{CallOutcome, CallPlan};
use super::sink::{EngineSink, patiently};
use super::ticket::MediaTicket;
use super::{CallEngine, Live};
use crate::call::{CallLogic, CallMachine, CallRunner, Conversation, InputEvent, InputRecorder, MediaSocket, Output};
use crate::carrier::WebhookRequest;
use crate::dialogue::Action;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CarrierCallId, SessionId, TenantId};
use crate::journal;
use crate::media::MediaEvent;
use crate::store::{Attachment, EndReason, EventSource, ProviderLog, ProviderOperation, Session, SessionChange};
use crate::time::CallTime;

/// How long after the handshake the stream must have named its call.
const START_WITHIN: Duration = Duration::from_secs(5);

/// Tries to hang up at the carrier; its own time limit is the last resort.
const HANG_UP_TRIES: u32 = 4;

impl CallEngine {
    /// Checks a media socket's handshake and takes its token in. Everything after this costs something; nothing before.
    ///
    /// # Errors
    /// `Unauthenticated` for a wrong signature or a token that is wrong, used or too old; `Unavailable` if as many
    /// calls as allowed are connected.
    pub fn admit(&self, token: &str, handshake: &WebhookRequest<'_>) -> Result<MediaTicket> {
        self.carrier.media_handshake(handshake)?;
        let mut state = self.state();
        let ticket = state.tickets.redeem(token, Instant::now())?;
        if state.live.len() >= self.config.max_live {
            return Err(Error::new(ErrorKind::Unavailable, "open media socket").with_message("too many calls"));
        }
        Ok(ticket)
    }

    /// Runs a call over its socket, to the end. Everything is stored when this returns.
    ///
    /// # Errors
    /// `NotFound` if the session is not there; `Conflict` if it is connected already; `Protocol` if the socket did not
    /// name its call in time: none of them touches the session. `Conflict` if it is over; what planning, the agent or
    /// the store report: the session is then ended as a technical failure.
    pub async fn run<M: MediaSocket + 'static>(self: &Arc<Self>, ticket: MediaTicket, socket: M) -> Result<EndReason> {
        let (tenant, attempt) = (ticket.key.tenant, ticket.key.attempt);
        let session = self.store.attempt(tenant, attempt).await?.session;
        let (control, commands) = mpsc::channel(16);
        self.connect(session, Live { tenant, control })?;
        let span = info_span!("call", %session);
        let engine = Arc::clone(self);
        // Its own task: a server that drops the connection's future, or a panic in one call, ends nothing else.
        let task =
            tokio::spawn(async move { engine.run_owned(ticket, session, commands, socket).await }.instrument(span));
        let result = match task.await {
            Ok(result) => result,
            Err(error) => Err(Error::new(ErrorKind::Internal, "run call").with_source(error)),
        };
        self.state().live.remove(&session);
        self.rings_no_more(attempt);
        match result {
            Ok(Some(reason)) => Ok(reason),
            // The call itself may still get its audio, or the carrier tells how it ended.
            Ok(None) => {
                Err(Error::new(ErrorKind::Protocol, "run call").with_message("the socket did not name its call"))
            }
            Err(error) => {
                error!(%session, %error, "a call broke");
                self.end_session(tenant, session, EndReason::TechnicalFailure, EventSource::System).await;
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
        state.live.insert(session, live);
        Ok(())
    }

    async fn run_owned<M: MediaSocket>(
        self: &Arc<Self>,
        ticket: MediaTicket,
        id: SessionId,
        commands: mpsc::Receiver<Action>,
        socket: M,
    ) -> Result<Option<EndReason>> {
        let tenant = ticket.key.tenant;
        let session = self.store.session(tenant, id).await?;
        if session.status.is_final() {
            return Err(Error::new(ErrorKind::Conflict, "run call").with_message("the session is over"));
        }
        let ringing = self.state().ringing.remove(&ticket.key.attempt);
        let plan = match ringing.and_then(|ringing| ringing.plan) {
            Some(plan) => plan,
            None => self.service.plan(&session).await?,
        };
        let CallPlan { mut settings, setup, dialogue } = plan;
        settings.recording = self.config.recordings.is_some();
        let agent = self.agent.open(&setup).await?;
        let epoch = self.store.take_over(tenant, id).await?;
        let (hang_up, hung_up) = oneshot::channel();
        let folder = self.config.recordings.as_ref().map(|recordings| recordings.join(id.to_string()));
        let recording = folder.map(|folder| (folder, &self.recorder));
        let (sink, journal) = EngineSink::new(
            Arc::clone(&self.store),
            (tenant, id, epoch),
            Arc::clone(&self.watchers),
            hang_up,
            recording,
        );
        let lost = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        tasks.spawn(journal.in_current_span());
        tasks.spawn(
            let_go(Arc::clone(self), session, ticket.call.clone(), hung_up, Arc::clone(&lost)).in_current_span(),
        );
        let recorder = InputRecorder::new(&settings);
        let observed = Observed::new(dialogue, tenant, id, Arc::clone(&self.watchers));
        let mut logic = Conversation::new(CallMachine::new(settings.clone()), Box::new(observed));
        if settings.recording {
            logic = logic.with_recorder(recorder);
        }
        let codec = self.carrier.media_codec();
        let runner = CallRunner {
            logic: Bound { logic, call: ticket.call, state: Binding::Waiting, wanted: None, lost: Arc::clone(&lost) },
            agent,
            codec,
            sink,
            control: commands,
        };
        info!("media connected");
        let end = runner.run(socket).await;
        let sink = end.sink.finish().await;
        let refused = end.logic.state == Binding::Refused;
        if let (Some(folder), Some(recorder)) = (&sink.folder, end.logic.into_recorder()) {
            write_inputs(folder.join("inputs.jsonl"), recorder).await;
        }
        while let Some(done) = tasks.join_next().await {
            if let Err(error) = done {
                error!(%error, "a task of the call panicked");
            }
        }
        if refused {
            return Ok(None);
        }
        let reason = sink.reason.unwrap_or(EndReason::TechnicalFailure);
        info!(%reason, seconds = end.duration.as_secs(), bad_messages = end.bad_messages, "call ended");
        let source = if reason == EndReason::CustomerHangup { EventSource::Customer } else { EventSource::System };
        patiently(|| self.attach_transcript(tenant, id)).await?;
        let session = patiently(|| self.try_end_session(tenant, id, reason, source)).await?;
        self.service.finished(&CallOutcome { session, reason, recording: sink.folder }).await;
        Ok(Some(reason))
    }

    async fn attach_transcript(&self, tenant: TenantId, id: SessionId) -> Result<()> {
        let transcript = journal::transcript(&self.store.journal(tenant, id).await?);
        if transcript.is_empty() {
            return Ok(());
        }
        let text: Vec<_> = transcript.iter().map(ToString::to_string).collect();
        let what = Attachment { transcript: Some(text.join("\n")), ..Attachment::default() };
        let change = SessionChange::Attach { what, at: Timestamp::now() };
        self.store.change_session(tenant, id, &change).await.map(drop)
    }

    /// Ends a session if it is not over.
    pub(super) async fn end_session(&self, tenant: TenantId, id: SessionId, reason: EndReason, source: EventSource) {
        if let Err(error) = self.try_end_session(tenant, id, reason, source).await {
            error!(session = %id, %error, "the end of a session could not be stored");
        }
    }

    /// Ends a session if it is not over. Returns it as it is then.
    async fn try_end_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        reason: EndReason,
        source: EventSource,
    ) -> Result<Session> {
        let change = |reason| SessionChange::Ended { reason, source, at: Timestamp::now() };
        let ended = match self.store.change_session(tenant, id, &change(reason)).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                // Over already; or it never got as far as this reason needs, so it has failed.
                let session = self.store.session(tenant, id).await?;
                if session.status.is_final() {
                    return Ok(session);
                }
                self.store.change_session(tenant, id, &change(EndReason::TechnicalFailure)).await?
            }
            result => result?,
        };
        let took = ended.ended_at.map(|at| at.duration_since(ended.started_at)).unwrap_or_default();
        let kind = LiveEventKind::Ended {
            reason: ended.end_reason.unwrap_or(reason),
            connected: ended.connected_at.is_some(),
            took: took.try_into().unwrap_or_default(),
            cost_micros: ended.cost_micros,
        };
        self.watchers.tell(tenant, id, kind);
        Ok(ended)
    }
}

/// Ends the call at the carrier once its logic wants it; the caller has then hung up, or it is our turn. If the audio
/// was lost, the caller is told so by the carrier's voice.
async fn let_go(
    engine: Arc<CallEngine>,
    session: Session,
    call: CarrierCallId,
    hung_up: oneshot::Receiver<EndReason>,
    lost: Arc<AtomicBool>,
) {
    let Ok(reason) = hung_up.await else { return };
    if reason == EndReason::CustomerHangup {
        return;
    }
    if reason == EndReason::TechnicalFailure && lost.load(Ordering::Relaxed) && engine.carrier.capabilities().steer {
        match engine.carrier.steer(&call, &engine.farewell()).await {
            Ok(()) => return,
            Err(error) if error.kind() == ErrorKind::Closed => return,
            Err(error) => warn!(%error, "the caller could not be told that the call broke"),
        }
    }
    let mut wait = Duration::from_millis(250);
    for _ in 0..HANG_UP_TRIES {
        let (begun, timestamp) = (Instant::now(), Timestamp::now());
        let result = engine.carrier.hang_up(&call).await;
        let log = ProviderLog {
            id: crate::RecordId::new(),
            session: session.id,
            provider: engine.carrier.name().to_owned(),
            provider_call: Some(call.as_str().to_owned()),
            operation: ProviderOperation::Hangup,
            request: json!({ "reason": reason }),
            response: json!({}),
            status_code: None,
            latency: begun.elapsed(),
            success: result.is_ok(),
            error_message: result.as_ref().err().map(ToString::to_string),
            quality_metrics: None,
            timestamp,
        };
        engine.log_provider(session.tenant, &log).await;
        let Err(error) = result else { return };
        warn!(%error, "the carrier did not hang up");
        sleep(wait).await;
        wait *= 4;
    }
}

async fn write_inputs(path: std::path::PathBuf, recorder: InputRecorder) {
    let write = move || std::fs::write(path, recorder.as_bytes());
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "the recorded inputs could not be written"),
        Err(error) => warn!(%error, "the recorded inputs could not be written"),
    }
}

/// Binds a socket to its call: the stream must name, in time, the call that was answered.
#[derive(Debug)]
struct Bound {
    logic: Conversation,
    call: CarrierCallId,
    state: Binding,
    /// What was wanted from above before the stream had started.
    wanted: Option<Action>,
    /// Whether the socket was lost while the call went on.
    lost: Arc<AtomicBool>,
}

#[derive(Debug, PartialEq, Eq)]
enum Binding {
    Waiting,
    Bound,
    Refused,
}

impl Bound {
    fn into_recorder(mut self) -> Option<InputRecorder> {
        self.logic.take_recorder()
    }
}

impl CallLogic for Bound {
    fn handle(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>) {
        if self.state == Binding::Waiting {
            match &event {
                InputEvent::Media(MediaEvent::Started(start)) if start.call == self.call => {
                    self.state = Binding::Bound;
                    self.logic.handle(now, event, out);
                    if let Some(action) = self.wanted.take() {
                        self.logic.handle(now, InputEvent::Dialogue(action), out);
                    }
                    return;
                }
                InputEvent::Media(MediaEvent::Started(_)) | InputEvent::Disconnected => {
                    warn!("a media socket did not name its call");
                    self.state = Binding::Refused;
                    return;
                }
                _ if now.since(CallTime::ZERO) >= START_WITHIN => {
                    warn!("a media socket did not start in time");
                    self.state = Binding::Refused;
                    return;
                }
                InputEvent::Dialogue(action) => {
                    self.wanted = Some(action.clone());
                    return;
                }
                _ => return,
            }
        }
        if matches!(event, InputEvent::Disconnected) {
            self.lost.store(true, Ordering::Relaxed);
        }
        self.logic.handle(now, event, out);
    }

    fn wake_at(&self) -> Option<CallTime> {
        match self.state {
            Binding::Waiting => Some(CallTime::ZERO + START_WITHIN),
            _ => self.logic.wake_at(),
        }
    }

    fn is_finished(&self) -> bool {
        self.state == Binding::Refused || self.logic.is_finished()
    }
}
