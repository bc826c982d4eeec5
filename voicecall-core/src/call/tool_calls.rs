//! Tools of a call: one with an effect runs once the call of it is stored, and what came of each is journaled.

use serde_json::Value;

use super::consent_gate::ConsentGate;
use super::io::Output;
use crate::dialogue::DialogueEvent;
use crate::id::SessionId;
use crate::journal::Fact;
use crate::time::CallTime;
use crate::tool::{ToolCallId, ToolContext, ToolEffect, ToolOutcome};

/// The calls that have not come to their end.
#[derive(Debug)]
pub(super) struct ToolCalls {
    session: SessionId,
    calls: Vec<Pending>,
}

#[derive(Debug)]
struct Pending {
    call: ToolCallId,
    effect: ToolEffect,
    /// What is to be done once the fact of this number is stored.
    waiting: Option<(u64, Output)>,
}

impl ToolCalls {
    pub(super) const fn new(session: SessionId) -> Self {
        Self { session, calls: Vec::new() }
    }

    /// Runs a tool, at once or once its call is stored.
    pub(super) fn call(
        &mut self,
        (call, name, arguments, effect): (ToolCallId, String, Value, ToolEffect),
        now: CallTime,
        gate: &mut ConsentGate,
        out: &mut Vec<Output>,
    ) {
        let context = ToolContext::new(self.session, call);
        let fact = Fact::ToolCalled {
            call,
            key: context.key().to_owned(),
            name: name.clone(),
            effect,
            arguments: Some(arguments.clone()),
        };
        let seq = gate.journal(now, fact, false, out);
        let run = Output::CallTool { call, name, arguments, context };
        let waiting = match seq {
            Some(seq) if effect != ToolEffect::None => Some((seq, run)),
            _ => {
                out.push(run);
                None
            }
        };
        self.calls.push(Pending { call, effect, waiting });
    }

    /// A fact is stored: what waited for it runs.
    pub(super) fn stored(&mut self, seq: u64, out: &mut Vec<Output>) {
        for pending in &mut self.calls {
            out.extend(pending.waiting.take_if(|(own, _)| *own == seq).map(|(_, run)| run));
        }
    }

    /// A tool has come to its end.
    pub(super) fn result(
        &mut self,
        call: ToolCallId,
        outcome: ToolOutcome,
        now: CallTime,
        gate: &mut ConsentGate,
        out: &mut Vec<Output>,
    ) {
        let Some(at) = self.calls.iter().position(|pending| pending.call == call && pending.waiting.is_none()) else {
            return;
        };
        self.calls.swap_remove(at);
        let fact = Fact::ToolReturned { call, state: outcome.state(), outcome: Some(outcome.clone()) };
        gate.journal(now, fact, false, out);
        out.push(Output::Notify(DialogueEvent::ToolResult { call, outcome }));
    }

    /// A tool is not wanted any more.
    pub(super) fn cancel(&mut self, call: ToolCallId, now: CallTime, gate: &mut ConsentGate, out: &mut Vec<Output>) {
        self.cancel_if(|pending| pending.call == call, now, gate, out);
    }

    /// Nobody waits for results any more. What has an effect and has begun is finished, and its result journaled.
    pub(super) fn hung_up(&mut self, now: CallTime, gate: &mut ConsentGate, out: &mut Vec<Output>) {
        self.cancel_if(|pending| pending.effect == ToolEffect::None || pending.waiting.is_some(), now, gate, out);
    }

    fn cancel_if(
        &mut self,
        is_it: impl Fn(&Pending) -> bool,
        now: CallTime,
        gate: &mut ConsentGate,
        out: &mut Vec<Output>,
    ) {
        for pending in self.calls.extract_if(.., |pending| is_it(pending)) {
            if pending.waiting.is_none() {
                out.push(Output::CancelTool { call: pending.call });
            }
            let outcome = ToolOutcome::Cancelled;
            let fact = Fact::ToolReturned { call: pending.call, state: outcome.state(), outcome: Some(outcome) };
            gate.journal(now, fact, false, out);
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.calls.is_empty()
    }
}
