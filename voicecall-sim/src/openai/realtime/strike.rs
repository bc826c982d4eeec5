//! What a fault of the plan does to a response.

use std::time::Duration;

use super::super::ApiError;
use super::error::{self, EventError};
use super::item::Status;
use super::plan::{self, Ending, Plan, Step};
use crate::fault::Fault;

/// What becomes of a response when `fault` strikes it.
pub(super) fn strike(mut plan: Plan, fault: &Fault) -> Plan {
    let middle = plan.len() / 2;
    let then = plan.get(middle).map_or(Duration::ZERO, |(after, _)| *after);
    match *fault {
        Fault::Latency { delay, .. } => later(&mut plan, 0, delay),
        Fault::Stall { length, .. } => later(&mut plan, middle, length),
        // It is never finished, unless the client cancels it.
        Fault::HalfOpenSocket { at_frame } => {
            let last = plan.len().saturating_sub(1);
            plan.truncate(usize::try_from(at_frame).map_or(last, |step| step.min(last)));
        }
        Fault::DropBefore => plan = Plan::from([(Duration::ZERO, Step::Drop)]),
        Fault::AcceptThenDrop => {
            plan.truncate(middle);
            plan.push_back((then, Step::Drop));
        }
        Fault::RateLimit { retry_after } => plan = plan::failure(error::failure(&ApiError::rate_limited(retry_after))),
        Fault::Error { accepted: true, .. } => plan.insert(middle, (then, Step::Stumble(EventError::planned()))),
        Fault::Error { status, .. } => {
            plan.truncate(middle.max(1));
            plan.push_back((then, Step::Close(Status::Incomplete)));
            plan.push_back((then, Step::Finish(Ending::Failed(error::failure(&ApiError::planned(status))))));
        }
        // A plan is checked when it is read: these cannot happen to a response.
        Fault::Reset { .. }
        | Fault::Close { .. }
        | Fault::Duplicate { .. }
        | Fault::OutOfOrder
        | Fault::Late { .. } => {}
    }
    plan
}

fn later(plan: &mut Plan, from: usize, length: Duration) {
    plan.iter_mut().skip(from).for_each(|(after, _)| *after = after.saturating_add(length));
}
