//! What the call spends, read off what goes out, and what follows once its budget is nearly used up.

use std::time::Duration;

use super::io::Output;
use crate::agent::{AgentTask, OpId};
use crate::audio::FRAME_DURATION;
use crate::journal::Fact;
use crate::money::{Budget, Cost, CostMeter, Money};
use crate::time::CallTime;

/// The cost is journaled when it has changed, but not more often than this.
const JOURNALED_EVERY: Duration = Duration::from_secs(1);

/// Counts, and says when enough is enough.
#[derive(Debug)]
pub(super) struct BudgetGuard {
    meter: CostMeter,
    cap: Money,
    /// The cost, and what ending properly adds to it, until something is used or the time comes to count again.
    cost: Cost,
    to_end: Money,
    recount_at: Option<CallTime>,
    stage: Stage,
    /// The operations that listen, with the frames they were given. Usually none or one.
    listening: Vec<(OpId, u32)>,
    hung_up: bool,
    journaled: Option<(CallTime, Cost)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Within,
    /// The dialogue was to wrap up at this instant, at this cost.
    WrappingUp(CallTime, Money),
    Stopped,
}

/// What follows from what was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on.
    Fine,
    /// Tell the dialogue to say goodbye while there is money for it.
    WrapUp,
    /// End the call.
    Stop,
}

impl BudgetGuard {
    pub(super) const fn new(budget: &Budget) -> Self {
        Self {
            meter: CostMeter::new(budget),
            cap: budget.cap,
            cost: budget.earlier,
            to_end: Money::ZERO,
            recount_at: None,
            stage: Stage::Within,
            listening: Vec::new(),
            hung_up: false,
            journaled: None,
        }
    }

    /// Takes in what the machine has put out: whatever is asked of a service costs.
    pub(super) fn observe(&mut self, outputs: &[Output]) {
        let mut used = false;
        for output in outputs {
            match output {
                Output::Start { op, task: AgentTask::Listen { audio } } => {
                    // No turn is long enough to need more than 32 bits.
                    let frames = u32::try_from(audio.len()).unwrap_or(u32::MAX);
                    self.listening.push((*op, frames));
                }
                Output::Start { task: AgentTask::Speak(text), .. } => {
                    self.meter.spoke(text.chars().count() as u64);
                    used = true;
                }
                Output::Hear { op, .. } => {
                    if let Some((_, frames)) = self.listening.iter_mut().find(|(own, _)| own == op) {
                        *frames += 1;
                    }
                }
                // A request that fails before it has all its audio is not charged.
                Output::Finish { op } => {
                    if let Some(at) = self.listening.iter().position(|(own, _)| own == op) {
                        let (_, frames) = self.listening.swap_remove(at);
                        self.meter.transcribed(FRAME_DURATION * frames);
                        used = true;
                    }
                }
                Output::Journal { fact: Fact::Used(usage), .. } => {
                    self.meter.used(*usage);
                    used = true;
                }
                _ => {}
            }
        }
        if used {
            self.count();
        }
    }

    /// So many characters of a response are spoken.
    pub(super) fn spoke(&mut self, characters: usize) {
        self.meter.spoke(characters as u64);
        self.count();
    }

    /// The call has been on the line until now; with `hung_up`, no longer.
    pub(super) fn on_the_line(&mut self, now: CallTime, hung_up: bool) {
        if !self.hung_up {
            self.meter.on_the_line(now.since(CallTime::ZERO));
            self.hung_up = hung_up;
            if self.recount_at.is_none_or(|at| at <= now) {
                self.count();
            }
        }
    }

    fn count(&mut self) {
        self.cost = self.meter.cost();
        self.to_end = self.meter.to_end();
        self.recount_at = self.meter.next_step().map(|step| CallTime::ZERO + step);
    }

    /// What is to be done now, once each. A dialogue that is `ending` the call need not be told to.
    pub(super) fn verdict(&mut self, now: CallTime, ending: bool) -> Verdict {
        if self.hung_up {
            return Verdict::Fine;
        }
        let spent = self.cost.total();
        match self.stage {
            Stage::Within if spent.saturating_add(self.to_end) >= self.cap => {
                self.stage = Stage::WrappingUp(now, spent.max(self.cap));
                if ending { Verdict::Fine } else { Verdict::WrapUp }
            }
            Stage::WrappingUp(since, from)
                if now.since(since) >= Budget::PATIENCE || spent >= from.saturating_add(Budget::GRACE) =>
            {
                self.stage = Stage::Stopped;
                Verdict::Stop
            }
            _ => Verdict::Fine,
        }
    }

    /// The cost, if it is to be journaled: it has changed, and some time has passed or it will not change any more.
    pub(super) fn due_for_journal(&mut self, now: CallTime, last: bool) -> Option<Cost> {
        let waits = self.journaled.is_some_and(|(at, _)| now.since(at) < JOURNALED_EVERY);
        if !self.has_changed() || (waits && !last) {
            return None;
        }
        self.journaled = Some((now, self.cost));
        Some(self.cost)
    }

    /// The cost so far.
    pub(super) const fn cost(&self) -> Cost {
        self.cost
    }

    pub(super) fn wake_at(&self) -> Option<CallTime> {
        let journal = self.journaled.filter(|_| self.has_changed()).map(|(at, _)| at + JOURNALED_EVERY);
        let stop = match self.stage {
            Stage::WrappingUp(since, _) => Some(since + Budget::PATIENCE),
            Stage::Within | Stage::Stopped => None,
        };
        let on_the_line = self.recount_at.into_iter().chain(stop).filter(|_| !self.hung_up);
        on_the_line.chain(journal).min()
    }

    fn has_changed(&self) -> bool {
        self.journaled.is_none_or(|(_, journaled)| journaled != self.cost)
    }
}
