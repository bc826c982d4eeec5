//! The model's outstanding replies: what each is about, and how often it was repaired.

use std::collections::BTreeMap;
use std::fmt;

use super::analysis::Fault;
use crate::analysis::request::{MOST_REPAIRS, repaired};
use voicecall_core::dialogue::{Action, AskId};
use voicecall_core::model::ChatRequest;

/// What a model was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The caller's consent.
    Consent,
    /// The answer to the question at this place of the plan.
    Answer(usize),
}

/// A request whose reply is outstanding.
pub(super) struct Pending {
    pub(super) about: About,
    request: ChatRequest,
    repairs: u8,
}

/// All requests whose replies are outstanding.
#[derive(Default)]
pub(super) struct PendingRequests {
    last: u32,
    pending: BTreeMap<AskId, Pending>,
}

impl PendingRequests {
    /// Asks the model. An earlier request about the same is not waited for any more: this one knows more.
    pub(super) fn ask(&mut self, about: About, request: ChatRequest, actions: &mut Vec<Action>) -> AskId {
        self.forget(about, actions);
        self.send(Pending { about, request, repairs: 0 }, actions)
    }

    /// Asks again, saying what was wrong with the reply; `None` if that has been tried often enough.
    pub(super) fn repair(&mut self, refused: Pending, fault: Fault, actions: &mut Vec<Action>) -> Option<AskId> {
        let Pending { about, request, repairs } = refused;
        (repairs < MOST_REPAIRS).then(|| {
            let request = repaired(request, fault);
            self.send(Pending { about, request, repairs: repairs + 1 }, actions)
        })
    }

    /// Does not wait any more for what was asked about this.
    pub(super) fn forget(&mut self, about: About, actions: &mut Vec<Action>) {
        self.pending.retain(|&ask, pending| {
            let keep = pending.about != about;
            if !keep {
                actions.push(Action::Forget(ask));
            }
            keep
        });
    }

    /// Does not wait for anything any more.
    pub(super) fn forget_all(&mut self, actions: &mut Vec<Action>) {
        actions.extend(std::mem::take(&mut self.pending).into_keys().map(Action::Forget));
    }

    /// What a reply is about; `None` if it is not waited for. A request is answered once.
    pub(super) fn take(&mut self, ask: AskId) -> Option<Pending> {
        self.pending.remove(&ask)
    }

    fn send(&mut self, pending: Pending, actions: &mut Vec<Action>) -> AskId {
        self.last += 1;
        let ask = AskId(self.last);
        actions.push(Action::Ask { ask, request: pending.request.clone() });
        self.pending.insert(ask, pending);
        ask
    }
}

/// Without the requests: they hold what the caller said.
impl fmt::Debug for PendingRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.pending.iter().map(|(ask, pending)| (ask, pending.about))).finish()
    }
}
