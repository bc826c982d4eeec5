//! `<Enqueue>` and `<Dial><Queue>`: waiting, with music, for somebody who takes over.

use std::collections::VecDeque;
use std::time::Duration;

use voicecall_core::CallTime;

use super::call::Doing;
use super::exchange::Timer;
use super::sid::sid;
use super::twiml::{Address, Verb};
use super::webhook::Draft;
use super::{Exchange, WebhookKind};

/// The least time between two questions for what is heard while waiting.
const PACE: Duration = Duration::from_secs(1);

/// A call's place in a queue.
#[derive(Debug)]
pub(super) struct Place {
    queue: String,
    sid: String,
    since: CallTime,
    asked: CallTime,
    action: Option<Address>,
    wait_url: Option<Address>,
    /// What follows the wait, and the address of its document.
    verbs: VecDeque<Verb>,
    base: String,
    /// Whether somebody has taken over.
    bridged: bool,
}

impl Exchange {
    pub(super) fn enqueue(
        &mut self,
        now: CallTime,
        index: usize,
        queue: String,
        action: Option<Address>,
        wait_url: Option<Address>,
    ) {
        let place = Place {
            sid: sid("QU", &mut self.rng),
            queue,
            since: now,
            asked: now,
            action,
            wait_url: wait_url.map(|address| self.resolved(index, address)),
            verbs: std::mem::take(&mut self.calls[index].verbs),
            base: self.calls[index].base.clone(),
            bridged: false,
        };
        let (account, queue) = (self.calls[index].account, place.queue.clone());
        self.calls[index].place = Some(Box::new(place));
        let joiner = self.calls.iter().position(|call| {
            call.account == account && matches!(&call.doing, Doing::Joining { queue: wanted, .. } if *wanted == queue)
        });
        match joiner {
            Some(joiner) => self.take_over(now, joiner, index),
            None => self.wait(now, index),
        }
    }

    /// What a waiting call hears next.
    pub(super) fn wait(&mut self, now: CallTime, index: usize) {
        let Some(place) = &mut self.calls[index].place else { return };
        let again = place.asked.max(place.since) + PACE;
        let first = place.asked == place.since;
        let Some(address) = place.wait_url.clone() else {
            // The carrier's own music, of which this emulator has none.
            self.calls[index].doing = Doing::Waiting;
            return;
        };
        if !first && now < again {
            self.calls[index].doing = Doing::Pausing { until: again };
            return;
        }
        place.asked = now + Duration::from_micros(1);
        let (queue_sid, waited, name) = (place.sid.clone(), now.since(place.since), place.queue.clone());
        let size = self.queue(index, &name).len();
        let position = self.queue(index, &name).iter().position(|waiting| *waiting == index).unwrap_or(0) + 1;
        let fields = [
            ("QueueSid", queue_sid),
            ("QueueTime", waited.as_secs().to_string()),
            ("AvgQueueTime", waited.as_secs().to_string()),
            ("CurrentQueueSize", size.to_string()),
            ("QueuePosition", position.to_string()),
        ];
        self.fetch(now, index, &address, &fields);
    }

    /// `<Dial><Queue>`.
    pub(super) fn join(
        &mut self,
        now: CallTime,
        index: usize,
        queue: String,
        action: Option<Address>,
        timeout: Duration,
    ) {
        let first = self.queue(index, &queue).first().copied();
        self.calls[index].doing = Doing::Joining { queue, action, until: now + timeout };
        match first {
            Some(waiting) => self.take_over(now, index, waiting),
            None => self.at(now + timeout, Timer::JoinTimeout(index)),
        }
    }

    /// Nobody came to wait.
    pub(super) fn join_timeout(&mut self, now: CallTime, index: usize) {
        if matches!(&self.calls[index].doing, Doing::Joining { until, .. } if *until <= now)
            && let Doing::Joining { action, .. } = std::mem::replace(&mut self.calls[index].doing, Doing::Nothing)
        {
            self.go_on(now, index, action.as_ref(), &[("DialCallStatus", "no-answer".to_owned())]);
        }
    }

    fn take_over(&mut self, now: CallTime, joiner: usize, waiting: usize) {
        let Doing::Joining { action, .. } = std::mem::replace(&mut self.calls[joiner].doing, Doing::Nothing) else {
            return;
        };
        self.calls[joiner].doing = Doing::Joined { action, since: now };
        if let Some(place) = &mut self.calls[waiting].place {
            place.bridged = true;
        }
        self.calls[waiting].verbs.clear();
        self.calls[waiting].doing = Doing::Waiting;
        self.bridge(now, joiner, waiting);
    }

    /// Who took over is alone again.
    pub(super) fn join_ended(&mut self, now: CallTime, index: usize) {
        let doing = std::mem::replace(&mut self.calls[index].doing, Doing::Nothing);
        let Doing::Joined { action, since } = doing else { return };
        let fields =
            [("DialCallStatus", "completed".to_owned()), ("DialCallDuration", now.since(since).as_secs().to_string())];
        self.go_on(now, index, action.as_ref(), &fields);
    }

    /// Who had waited is alone again.
    pub(super) fn joined_ended(&mut self, now: CallTime, index: usize) {
        self.leave(now, index, "bridged");
    }

    /// Ends a wait; the instructions behind it follow.
    pub(super) fn leave(&mut self, now: CallTime, index: usize, result: &str) {
        let Some(place) = self.calls[index].place.take() else { return self.next_verb(now, index) };
        let fields = result_form(&place, now, result);
        let Place { action, verbs, base, .. } = *place;
        self.calls[index].verbs = verbs;
        self.calls[index].base = base;
        self.go_on(now, index, action.as_ref(), &fields);
    }

    /// Forgets a wait because the call ended, which its address is told, or does something else.
    pub(super) fn leave_queue(&mut self, now: CallTime, index: usize, ended: bool) {
        let Some(place) = self.calls[index].place.take() else { return };
        let Some(action) = place.action.clone().filter(|_| ended) else { return };
        let result = if place.bridged { "bridged" } else { "hangup" };
        self.calls[index].base.clone_from(&place.base);
        let address = self.resolved(index, action);
        let call = &self.calls[index];
        let mut form = call.form(&self.options.accounts[call.account].sid);
        form.extend(result_form(&place, now, result).map(|(name, value)| (name.to_owned(), value)));
        let sid = call.sid.clone();
        self.webhook(now, index, Draft { call: &sid, kind: WebhookKind::Voice, address: &address, form });
    }

    /// Who waits in the call's account under the name and was not taken over, the longest first.
    fn queue(&self, index: usize, name: &str) -> Vec<usize> {
        let account = self.calls[index].account;
        let waits = |place: &Place| place.queue == name && !place.bridged;
        let mut waiting: Vec<(CallTime, usize)> = (self.calls.iter().enumerate())
            .filter(|(_, call)| call.account == account)
            .filter_map(|(index, call)| {
                call.place.as_deref().filter(|place| waits(place)).map(|place| (place.since, index))
            })
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, index)| index).collect()
    }

    /// An address of a call's document, made absolute; as it is if that cannot be.
    pub(super) fn resolved(&self, index: usize, address: Address) -> Address {
        let url = super::flow::resolve(&self.calls[index], &address.0).unwrap_or(address.0);
        (url, address.1)
    }

    /// Begins with a call's first instructions.
    pub(super) fn begin(&mut self, now: CallTime, index: usize) {
        if !self.detect(now, index) {
            self.ask(now, index);
        }
    }
}

fn result_form(place: &Place, now: CallTime, result: &str) -> [(&'static str, String); 3] {
    [
        ("QueueResult", result.to_owned()),
        ("QueueSid", place.sid.clone()),
        ("QueueTime", now.since(place.since).as_secs().to_string()),
    ]
}
