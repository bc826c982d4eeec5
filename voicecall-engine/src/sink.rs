//! Where a call's facts, audio and effects go, and the journal's writer, one task a call.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, warn};

use super::observe::{EventBus, LiveEventKind};
use super::recording::CallRecording;
use super::retry::AT_THE_END;
use super::transfer::Transfer;
use super::voicemail::{AmdResult, assume_person};
use voicecall_core::CallTime;
use voicecall_core::audio::Frame;
use voicecall_core::call::{CallSink, Effect, Exchange, InputEvent};
use voicecall_core::carrier::Say;
use voicecall_core::dialogue::Action;
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{EndReason, EngineStore, SessionChange};
use voicecall_core::{Epoch, PhoneNumber, SessionId, TenantId};
use voicecall_core::{ErrorKind, Result};

/// Facts that may wait for a slow store. A call has some hundreds; one that has more loses the newest, with an error.
const WAITING_FACTS: usize = 4096;

/// How long facts wait to learn whether a machine has answered: longer than a carrier tries to find out.
const LONGEST_DETECTION: Duration = Duration::from_secs(35);

/// A call's sink.
#[derive(Debug)]
pub(super) struct EngineSink {
    tenant: TenantId,
    session: SessionId,
    epoch: Epoch,
    /// The instant from which the call's time counts.
    answered_at: Timestamp,
    entries: mpsc::Sender<JournalEntry>,
    stored: mpsc::Receiver<u64>,
    events: Arc<EventBus>,
    amd: watch::Sender<AmdResult>,
    hang_up: Option<oneshot::Sender<EndReason>>,
    transfer: mpsc::Sender<Transfer>,
    recording: Option<CallRecording>,
    reason: Option<EndReason>,
    lost: bool,
    offered: bool,
}

/// Where a call's wishes go that are not facts.
#[derive(Debug)]
pub(super) struct Outlets {
    /// Why the call is to be ended at the carrier.
    pub(super) hang_up: oneshot::Sender<EndReason>,
    /// To whom it is to be transferred.
    pub(super) transfer: mpsc::Sender<Transfer>,
    /// Ends a call of which nothing can be stored.
    pub(super) control: mpsc::Sender<Box<InputEvent<'static>>>,
}

/// What is left of a sink when the call is over.
pub(super) struct SinkEnd {
    /// Why the call ended.
    pub(super) reason: Option<EndReason>,
    /// Whether the call may be connected again.
    pub(super) lost: bool,
    /// Whether somebody is asked to take the call.
    pub(super) offered: bool,
    /// The folder of the recording, if there is one.
    pub(super) folder: Option<PathBuf>,
}

impl EngineSink {
    /// A sink, and the task that must run for it to store anything.
    pub(super) fn new(
        store: Arc<dyn EngineStore>,
        owner: (TenantId, SessionId, Epoch),
        answered_at: Timestamp,
        events: Arc<EventBus>,
        amd: watch::Sender<AmdResult>,
        Outlets { hang_up, transfer, control }: Outlets,
        recording: Option<CallRecording>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (tenant, session, epoch) = owner;
        let (entries, waiting) = mpsc::channel(WAITING_FACTS);
        let (done, stored) = mpsc::channel(WAITING_FACTS);
        let (answered, told) = (amd.subscribe(), Arc::clone(&events));
        let sink = Self {
            tenant,
            session,
            events,
            amd,
            epoch,
            answered_at,
            entries,
            stored,
            hang_up: Some(hang_up),
            transfer,
            recording,
            reason: None,
            lost: false,
            offered: false,
        };
        (sink, write_journal((store, told, tenant), answered, waiting, done, control))
    }

    /// Hands over what is left. The journal's task ends once it has stored everything.
    pub(super) async fn finish(mut self) -> SinkEnd {
        let folder = match self.recording.take() {
            Some(recording) => recording.finish().await,
            None => None,
        };
        SinkEnd { reason: self.reason, lost: self.lost, offered: self.offered, folder }
    }
}

impl CallSink for EngineSink {
    fn journal(&mut self, seq: u64, at: CallTime, fact: Fact) {
        let told = match &fact {
            Fact::Latency(latency) => Some(LiveEventKind::Turn(*latency)),
            Fact::Consent { given: true } => {
                assume_person(&self.amd);
                None
            }
            Fact::Cost(cost) => Some(LiveEventKind::Cost { micros: cost.total().micros() }),
            _ => None,
        };
        if let Some(told) = told {
            self.events.tell_at(self.tenant, self.session, at, told);
        }
        let since = SignedDuration::try_from(at.since(CallTime::ZERO)).unwrap_or_default();
        let entry = JournalEntry {
            session: self.session,
            epoch: self.epoch,
            seq,
            at: self.answered_at + since,
            offset: at,
            fact,
        };
        if self.entries.try_send(entry).is_err() {
            error!(session = %self.session, seq, "a fact could not be kept: the store is too slow or refuses us");
        }
    }

    fn record(&mut self, at: CallTime, caller: Frame, agent: Frame) {
        if let Some(recording) = &mut self.recording {
            recording.record(at, caller, agent);
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::StartRecording(consent) => {
                if let Some(recording) = &mut self.recording {
                    recording.start(consent);
                }
            }
            Effect::HangUp(reason) => {
                self.reason = Some(reason);
                if let Some(hang_up) = self.hang_up.take() {
                    // Whoever hangs up has gone only if the process is ending.
                    let _ = hang_up.send(reason);
                }
            }
            // The call goes on at the carrier: nobody hangs it up.
            Effect::Leave(reason) => self.reason = Some(reason),
            // It may come back: nobody hangs it up, and it is not over.
            Effect::Offer => {
                self.reason = Some(EndReason::Transferred);
                self.offered = true;
            }
            Effect::Reconnect => {
                self.reason = Some(EndReason::TechnicalFailure);
                self.lost = true;
            }
            effect => error!(session = %self.session, ?effect, "an effect this engine does not know"),
        }
    }

    fn transfer(&mut self, to: PhoneNumber, announcement: Option<Say>) {
        if self.transfer.try_send(Transfer { to, announcement }).is_err() {
            warn!(session = %self.session, "the call is being transferred already");
        }
    }

    fn exchanged(&mut self, exchange: Exchange) {
        self.events.tell(self.tenant, self.session, LiveEventKind::Agent(exchange));
    }

    async fn stored(&mut self) -> u64 {
        match self.stored.recv().await {
            Some(seq) => seq,
            None => std::future::pending().await,
        }
    }
}

/// Appends facts as they come, several at a time if they come fast, until the sink is gone and all is stored. Begins when
/// it is known that a person has answered; of a call to a machine only its cost is kept.
async fn write_journal(
    (store, events, tenant): (Arc<dyn EngineStore>, Arc<EventBus>, TenantId),
    mut amd: watch::Receiver<AmdResult>,
    mut entries: mpsc::Receiver<JournalEntry>,
    stored: mpsc::Sender<u64>,
    control: mpsc::Sender<Box<InputEvent<'static>>>,
) {
    let known = amd.wait_for(|amd| *amd != AmdResult::Unknown);
    let is_machine = match timeout(LONGEST_DETECTION, known).await {
        Ok(Ok(amd)) => matches!(*amd, AmdResult::Machine(_)),
        // Whoever is not known to be a machine by then is a person.
        _ => false,
    };
    let mut batch = Vec::new();
    while entries.recv_many(&mut batch, 64).await > 0 {
        if is_machine {
            batch.retain(|entry| matches!(entry.fact, Fact::Cost(_)));
        }
        let mut wait = Duration::from_millis(50);
        let begun = Instant::now();
        while let Err(error) = append(&*store, &events, tenant, &batch).await {
            let patient = !entries.is_closed() || begun.elapsed() < AT_THE_END;
            // What is there already is skipped: an append whose outcome is unknown may be repeated.
            let again = error.is_retryable() || error.kind() == ErrorKind::UnknownOutcome;
            if !again || !patient {
                error!(%error, facts = batch.len(), "facts could not be stored, the call ends");
                // A call of which nothing is kept must not go on as if it were. One that has ended is what is wanted.
                let _ = control.send(Box::new(InputEvent::Dialogue(Action::EndNow(EndReason::TechnicalFailure)))).await;
                return;
            }
            warn!(%error, "facts are kept until the store is back");
            sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
        for entry in batch.drain(..) {
            // The call does not wait for this any more once it is over.
            let _ = stored.try_send(entry.seq);
        }
    }
}

async fn append(store: &dyn EngineStore, events: &EventBus, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
    for entry in entries.iter().filter(|entry| entry.fact == Fact::Connected) {
        let change = SessionChange::Connected { at: entry.at };
        match store.change_session(tenant, entry.session, &change).await {
            Ok(_) => events.tell_at(tenant, entry.session, entry.offset, LiveEventKind::Connected),
            // Already connected: the same batch is tried again.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    for entry in entries.iter().filter(|entry| entry.fact == Fact::DoNotCall) {
        // The store would end the sessions that wait for the person as it takes the fact, and tell nobody.
        for person in store.session(tenant, entry.session).await?.people() {
            for ended in store.forbid_calls(tenant, person, entry.at).await? {
                events.tell(tenant, ended.id, LiveEventKind::end_of(&ended));
            }
        }
    }
    store.append(tenant, entries).await
}
