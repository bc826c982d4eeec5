//! What happens in live calls, for whoever watches: in memory only, also before the caller consented.

use std::collections::HashMap;

use tokio::sync::broadcast;

use crate::dialogue::{Action, Dialogue, DialogueEvent, UtteranceId};
use crate::id::{SessionId, TenantId};
use crate::store::EndReason;
use crate::time::CallTime;

/// Something that happened in a live call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LiveEvent {
    /// Whose call.
    pub tenant: TenantId,
    /// Which.
    pub session: SessionId,
    /// When, in the call's time.
    pub at: CallTime,
    /// What.
    pub kind: LiveEventKind,
}

/// The kinds of live events.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LiveEventKind {
    /// The caller is on the line.
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
    /// The call is over.
    Ended(EndReason),
}

/// A dialogue that lets others watch.
#[derive(Debug)]
pub(super) struct Observed {
    dialogue: Box<dyn Dialogue>,
    tenant: TenantId,
    session: SessionId,
    live: broadcast::Sender<LiveEvent>,
    /// What was queued and has not been heard yet.
    saying: HashMap<UtteranceId, String>,
}

impl Observed {
    pub(super) fn new(
        dialogue: Box<dyn Dialogue>,
        tenant: TenantId,
        session: SessionId,
        live: broadcast::Sender<LiveEvent>,
    ) -> Self {
        Self { dialogue, tenant, session, live, saying: HashMap::new() }
    }

    fn tell(&self, at: CallTime, kind: LiveEventKind) {
        // Nobody watching is the normal case.
        let _ = self.live.send(LiveEvent { tenant: self.tenant, session: self.session, at, kind });
    }
}

impl Dialogue for Observed {
    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Connected => self.tell(now, LiveEventKind::Connected),
            DialogueEvent::Spoken(utterance) => {
                if let Some(heard) = self.saying.remove(utterance) {
                    self.tell(now, LiveEventKind::AgentSaid { heard, unheard: String::new() });
                }
            }
            DialogueEvent::Interrupted { utterance, heard } => {
                if let Some(text) = self.saying.remove(utterance) {
                    let unheard = text.strip_prefix(heard.as_str()).unwrap_or(&text).trim().to_owned();
                    self.tell(now, LiveEventKind::AgentSaid { heard: heard.clone(), unheard });
                }
            }
            DialogueEvent::Heard(turn) => self.tell(now, LiveEventKind::CallerSaid { text: turn.text.clone() }),
            DialogueEvent::Ended(reason) => self.tell(now, LiveEventKind::Ended(*reason)),
            _ => {}
        }
        let from = actions.len();
        self.dialogue.handle(event, now, actions);
        for action in &actions[from..] {
            match action {
                Action::Say(utterance) => {
                    self.saying.insert(utterance.id, utterance.text.clone());
                }
                Action::GrantConsent => self.tell(now, LiveEventKind::ConsentGiven),
                _ => {}
            }
        }
    }

    fn wake_at(&self) -> Option<CallTime> {
        self.dialogue.wake_at()
    }
}
