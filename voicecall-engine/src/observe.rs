//! What happens in calls, for whoever watches: in memory only, also before the caller consented.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast;

use voicecall_core::CallTime;
use voicecall_core::call::{Exchange, TurnLatency};
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent, Past, UtteranceId};
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{EndReason, ProviderOperation, Session};
use voicecall_core::tool::Tool;
use voicecall_core::{PhoneNumber, Result, SessionId, TenantId};

/// Live events kept for a subscriber that is behind; one that is further behind misses the oldest.
const LIVE_EVENTS: usize = 1024;

/// Is told of everything, at once and without exception: for metrics and alerts. Must be quick and must not wait.
pub trait Observer: Send + Sync + Debug + 'static {
    /// Something happened.
    fn observe(&self, event: &LiveEvent);
}

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LiveEvent {
    /// Whose call.
    pub tenant: TenantId,
    /// Which.
    pub session: SessionId,
    /// When, in the call's time; zero outside a connected call.
    pub at: CallTime,
    /// What.
    pub kind: LiveEventKind,
}

impl LiveEvent {
    /// An event, for those who test an observer.
    #[must_use]
    pub const fn new(tenant: TenantId, session: SessionId, at: CallTime, kind: LiveEventKind) -> Self {
        Self { tenant, session, at, kind }
    }
}

/// The kinds of live events.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LiveEventKind {
    /// The carrier took the order to call.
    Placed,
    /// Somebody calls us, and it is to be decided what becomes of it.
    CameIn,
    /// An attempt reached nobody; another one follows.
    Postponed {
        /// Why it did not.
        reason: EndReason,
        /// When the next one is due.
        until: Timestamp,
    },
    /// Somebody is on the line who is not known to be a machine, and the store knows it.
    Connected,
    /// The caller heard the agent say this.
    AgentSaid {
        /// What was heard.
        heard: String,
        /// What was meant and not heard.
        unheard: String,
    },
    /// The caller said this; `None` if it could not be transcribed.
    CallerSaid {
        /// The words.
        text: Option<String>,
    },
    /// The caller agreed to take part.
    ConsentGiven,
    /// The agent answered a turn of the caller.
    Turn(TurnLatency),
    /// What the call has cost so far, in millionths of a US dollar.
    Cost {
        /// The sum.
        micros: i64,
    },
    /// An AI service was asked to do something.
    Agent(Exchange),
    /// A carrier was asked to do something, or told us something.
    Provider {
        /// Which.
        provider: &'static str,
        /// What.
        operation: ProviderOperation,
        /// Whether it worked.
        success: bool,
        /// How long it took.
        latency: Duration,
    },
    /// The session is over and its end is stored.
    Ended {
        /// Why.
        reason: EndReason,
        /// Whether anybody was on the line.
        connected: bool,
        /// From the request to the end, ringing and waiting included.
        took: Duration,
        /// What it cost, in millionths of a US dollar, if that is known.
        cost_micros: Option<i64>,
    },
}

impl LiveEventKind {
    /// The end of a session, as it is stored.
    pub(super) fn end_of(session: &Session) -> Self {
        let took = session.ended_at.map(|at| at.duration_since(session.started_at)).unwrap_or_default();
        Self::Ended {
            reason: session.end_reason.unwrap_or(EndReason::TechnicalFailure),
            connected: session.connected_at.is_some(),
            took: took.try_into().unwrap_or_default(),
            cost_micros: session.cost_micros,
        }
    }
}

/// Everybody who watches.
#[derive(Debug)]
pub(super) struct EventBus {
    live: broadcast::Sender<LiveEvent>,
    observers: RwLock<Vec<Arc<dyn Observer>>>,
}

impl EventBus {
    pub(super) fn new() -> Self {
        Self { live: broadcast::channel(LIVE_EVENTS).0, observers: RwLock::default() }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.live.subscribe()
    }

    pub(super) fn add(&self, observer: Arc<dyn Observer>) {
        self.observers.write().unwrap_or_else(PoisonError::into_inner).push(observer);
    }

    /// Tells of something that happened outside a connected call.
    pub(super) fn tell(&self, tenant: TenantId, session: SessionId, kind: LiveEventKind) {
        self.tell_at(tenant, session, CallTime::ZERO, kind);
    }

    /// Tells of something that happened in a connected call.
    pub(super) fn tell_at(&self, tenant: TenantId, session: SessionId, at: CallTime, kind: LiveEventKind) {
        let event = LiveEvent { tenant, session, at, kind };
        // A push onto a list cannot be left half done, so a poisoned lock is as good as any.
        for observer in self.observers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            observer.observe(&event);
        }
        // Nobody watching is the normal case.
        let _ = self.live.send(event);
    }
}

/// A dialogue that lets others watch.
#[derive(Debug)]
pub(super) struct Observed {
    dialogue: Box<dyn Dialogue>,
    tenant: TenantId,
    session: SessionId,
    events: Arc<EventBus>,
    /// What was queued and has not been heard yet.
    saying: HashMap<UtteranceId, String>,
}

impl Observed {
    pub(super) fn new(
        dialogue: Box<dyn Dialogue>,
        tenant: TenantId,
        session: SessionId,
        events: Arc<EventBus>,
    ) -> Self {
        Self { dialogue, tenant, session, events, saying: HashMap::new() }
    }

    fn tell(&self, at: CallTime, kind: LiveEventKind) {
        self.events.tell_at(self.tenant, self.session, at, kind);
    }
}

impl Dialogue for Observed {
    fn begin(&mut self, at: Timestamp) {
        self.dialogue.begin(at);
    }

    fn recall(&mut self, past: &Past) {
        self.dialogue.recall(past);
    }

    fn resume(&mut self, journal: &[JournalEntry]) {
        self.dialogue.resume(journal);
    }

    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Spoken(utterance) => {
                if let Some(heard) = self.saying.remove(utterance).filter(|heard| !heard.is_empty()) {
                    self.tell(now, LiveEventKind::AgentSaid { heard, unheard: String::new() });
                }
            }
            DialogueEvent::Interrupted { utterance, heard } | DialogueEvent::BrokeOff { utterance, heard } => {
                if let Some(text) = self.saying.remove(utterance) {
                    let unheard = text.strip_prefix(heard.as_str()).unwrap_or(&text).trim().to_owned();
                    self.tell(now, LiveEventKind::AgentSaid { heard: heard.clone(), unheard });
                }
            }
            DialogueEvent::Written { utterance, text } | DialogueEvent::ResponseFailed { utterance, text } => {
                if let Some(saying) = self.saying.get_mut(utterance) {
                    saying.clone_from(text);
                }
            }
            DialogueEvent::Heard(turn) => self.tell(now, LiveEventKind::CallerSaid { text: turn.text.clone() }),
            _ => {}
        }
        let from = actions.len();
        self.dialogue.handle(event, now, actions);
        for action in &actions[from..] {
            match action {
                Action::Say(utterance) => {
                    self.saying.insert(utterance.id, utterance.text.clone());
                }
                // Its words follow as they are written.
                Action::Respond { utterance, .. } => {
                    self.saying.insert(*utterance, String::new());
                }
                Action::GrantConsent => self.tell(now, LiveEventKind::ConsentGiven),
                _ => {}
            }
        }
    }

    fn wake_at(&self) -> Option<CallTime> {
        self.dialogue.wake_at()
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.dialogue.tool(name)
    }

    fn transfer_number(&self, name: &str) -> Option<PhoneNumber> {
        self.dialogue.transfer_number(name)
    }

    fn can_grant_consent(&self) -> bool {
        self.dialogue.can_grant_consent()
    }

    fn validate(&self) -> Result<()> {
        self.dialogue.validate()
    }
}
