//! A call in virtual time: speaks what the interview says, lets a scripted caller and a scripted model act on it.

use std::collections::VecDeque;
use std::time::Duration;

use super::by_hand::analysis;
use crate::interview::{Interview, InterviewPlan, Progress};
use voicecall_core::CallTime;
use voicecall_core::dialogue::{Action, AskId, CallerTurn, Dialogue, DialogueEvent, Utterance};
use voicecall_core::store::EndReason;

/// Something the caller does.
#[derive(Debug, Clone)]
pub(super) struct CallerStep {
    /// What is said; `None` if the transcriber fails. `#` becomes the number of the turn.
    pub(super) text: Option<&'static str>,
    /// How long after the agent began or ended an utterance.
    pub(super) after: Duration,
    pub(super) lasts: Duration,
    /// From the end of the turn to its transcript.
    pub(super) transcribed: Duration,
    pub(super) cut_off: bool,
    /// Speaks while the agent does, instead of when it is silent.
    pub(super) interrupts: bool,
    /// Says nothing at all, until the silence has been noticed.
    pub(super) silent: bool,
}

/// Something the model does.
#[derive(Debug, Clone)]
pub(super) enum ModelStep {
    Replies(&'static str, Duration),
    Writes(String, Duration),
    Fails(Duration),
    Hangs,
}

#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) caller: Vec<CallerStep>,
    pub(super) model: Vec<ModelStep>,
    /// The agent's pace in percent of what the interview expects.
    pub(super) pace: u32,
    /// Before an utterance sounds.
    pub(super) speech_delay: Duration,
    pub(super) hangs_up: Option<CallTime>,
}

#[derive(Debug, Clone)]
enum Due {
    Speaks(CallerStep),
    Heard(CallerTurn),
    Model(AskId, Option<String>),
    HangsUp,
}

struct Playing {
    utterance: Utterance,
    from: CallTime,
    until: CallTime,
}

/// What happened in a call, in order.
#[derive(Debug, Clone)]
pub(super) enum Moment {
    Event(DialogueEvent),
    Action(Action),
    /// An utterance begins to sound.
    Sounds(Utterance),
}

pub(super) struct Driver {
    interview: Interview,
    script: Script,
    now: CallTime,
    due: Vec<(CallTime, u32, Due)>,
    sequence: u32,
    queue: VecDeque<Utterance>,
    playing: Option<Playing>,
    /// When the agent last stopped, or the caller.
    quiet_since: CallTime,
    silences: u32,
    /// The caller speaks until then.
    speaking_until: Option<CallTime>,
    /// The caller has reacted to what was said last.
    reacted: bool,
    pending: Vec<AskId>,
    turns: u32,
    steps: usize,
    model_steps: usize,
    ending: Option<EndReason>,
    ended: bool,
    pub(super) log: Vec<(CallTime, Moment)>,
}

impl Driver {
    pub(super) fn run(plan: InterviewPlan, progress: Progress, script: Script) -> Vec<(CallTime, Moment)> {
        let hangs_up = script.hangs_up;
        let mut driver = Self {
            interview: Interview::new(plan, progress).unwrap(),
            script,
            now: CallTime::ZERO,
            due: Vec::new(),
            sequence: 0,
            queue: VecDeque::new(),
            playing: None,
            quiet_since: CallTime::ZERO,
            silences: 0,
            speaking_until: None,
            reacted: false,
            pending: Vec::new(),
            turns: 0,
            steps: 0,
            model_steps: 0,
            ending: None,
            ended: false,
            log: Vec::new(),
        };
        if let Some(at) = hangs_up {
            driver.schedule(at, Due::HangsUp);
        }
        driver.tell(DialogueEvent::Connected);
        for _ in 0..10_000 {
            if !driver.step() {
                return driver.log;
            }
        }
        panic!("the call does not end");
    }

    fn schedule(&mut self, at: CallTime, due: Due) {
        self.sequence += 1;
        self.due.push((at, self.sequence, due));
    }

    fn tell(&mut self, event: DialogueEvent) {
        let mut actions = Vec::new();
        self.interview.handle(&event, self.now, &mut actions);
        self.log.push((self.now, Moment::Event(event)));
        for action in actions {
            self.log.push((self.now, Moment::Action(action.clone())));
            self.act(action);
        }
        self.play();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Say(utterance) if !self.ended && self.ending.is_none() => self.queue.push_back(utterance),
            Action::Interrupt => self.drop_speech(),
            Action::Ask { ask, .. } => {
                self.pending.push(ask);
                let step = self.script.model[self.model_steps % self.script.model.len()].clone();
                self.model_steps += 1;
                match step {
                    ModelStep::Replies(outcome, after) => {
                        // Both kinds of request are answered with what suits one of them.
                        let text = match outcome {
                            "yes" | "no" | "unclear" => format!(r#"{{"decision":"{outcome}"}}"#),
                            _ => analysis(outcome),
                        };
                        self.schedule(self.now + after, Due::Model(ask, Some(text)));
                    }
                    ModelStep::Writes(text, after) => self.schedule(self.now + after, Due::Model(ask, Some(text))),
                    ModelStep::Fails(after) => self.schedule(self.now + after, Due::Model(ask, None)),
                    ModelStep::Hangs => self.schedule(self.now + Duration::from_secs(20), Due::Model(ask, None)),
                }
            }
            Action::Forget(ask) => self.pending.retain(|&open| open != ask),
            Action::End(reason) => self.ending = self.ending.or(Some(reason)),
            Action::EndNow(reason) => self.end(reason),
            _ => {}
        }
    }

    fn end(&mut self, reason: EndReason) {
        if !self.ended {
            self.ended = true;
            self.drop_speech();
            self.tell(DialogueEvent::Ended(reason));
        }
    }

    fn drop_speech(&mut self) {
        self.queue.clear();
        self.playing = None;
        self.quiet_since = self.now;
    }

    fn is_speaking(&self) -> bool {
        self.speaking_until.is_some_and(|until| until > self.now)
    }

    fn is_sounding(&self) -> bool {
        self.playing.as_ref().is_some_and(|playing| playing.from <= self.now)
    }

    /// Begins the next utterance, unless the caller is speaking and it would only be interrupted.
    fn play(&mut self) {
        if self.ended || self.playing.is_some() {
            return;
        }
        let Some(next) = self.queue.front() else {
            if let Some(reason) = self.ending {
                self.end(reason);
            }
            return;
        };
        if next.interruptible && self.is_speaking() {
            return;
        }
        let utterance = self.queue.pop_front().unwrap();
        let from = self.now + self.script.speech_delay;
        let millis = utterance.text.chars().count() as u64 * 1000 / 15 * u64::from(self.script.pace) / 100;
        let until = from + Duration::from_millis(millis.max(20));
        self.log.push((from, Moment::Sounds(utterance.clone())));
        let step = self.next_step();
        self.reacted = false;
        if step.interrupts && !step.silent {
            self.reacted = true;
            self.steps += 1;
            self.schedule(self.now + step.after, Due::Speaks(step));
        }
        self.playing = Some(Playing { utterance, from, until });
    }

    fn next_step(&self) -> CallerStep {
        self.script.caller[self.steps % self.script.caller.len()].clone()
    }

    /// Goes to the next instant at which something happens. Returns whether anything can still happen.
    fn step(&mut self) -> bool {
        let busy = self.playing.is_some() || !self.queue.is_empty() || self.is_speaking() || !self.pending.is_empty();
        let quiet = !self.ended && !busy && !self.due.iter().any(|(_, _, due)| !matches!(due, Due::HangsUp));
        if quiet && !self.reacted {
            let step = self.next_step();
            self.reacted = true;
            self.steps += 1;
            if !step.silent {
                self.schedule(self.now + step.after, Due::Speaks(step));
                return true;
            }
        }
        let silence = (quiet && self.reacted).then(|| self.quiet_since.max(self.now) + Duration::from_secs(5));
        let next = self.due.iter().map(|&(at, number, _)| (at, number)).min();
        let spoken = self.playing.as_ref().map(|playing| playing.until);
        let free = self.speaking_until.filter(|&until| until > self.now);
        let wake = self.interview.wake_at();
        let times = [next.map(|(at, _)| at), spoken, free, wake, silence];
        let Some(at) = times.into_iter().flatten().min() else { return false };
        self.now = self.now.max(at);
        if wake.is_some_and(|wake| wake <= self.now) {
            self.tell(DialogueEvent::Wake);
        } else if let Some((_, number)) = next.filter(|&(at, _)| at <= self.now) {
            let place = self.due.iter().position(|&(_, own, _)| own == number).unwrap();
            let (_, _, due) = self.due.remove(place);
            self.happen(due);
        } else if spoken.is_some_and(|until| until <= self.now) {
            self.quiet_since = self.now;
            let id = self.playing.take().unwrap().utterance.id;
            self.tell(DialogueEvent::Spoken(id));
        } else if silence.is_some_and(|silence| silence <= self.now) {
            self.silences += 1;
            self.reacted = false;
            self.tell(DialogueEvent::Silence { count: self.silences });
        } else {
            self.play();
        }
        true
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::HangsUp => self.end(EndReason::RemoteHangup),
            Due::Model(ask, text) => {
                // A reply that was given up is not delivered, like in a real call.
                if self.pending.contains(&ask) {
                    self.pending.retain(|&open| open != ask);
                    self.tell(match text {
                        Some(text) => DialogueEvent::Reply { ask, text },
                        None => DialogueEvent::NoReply { ask },
                    });
                }
            }
            Due::Heard(mut turn) => {
                turn.text = turn.text.map(|text| text.replace('#', &turn.turn.to_string()));
                if turn.text.as_ref().is_some_and(|text| !text.trim().is_empty()) {
                    self.silences = 0;
                }
                self.quiet_since = self.now;
                self.tell(DialogueEvent::Heard(turn));
            }
            Due::Speaks(step) => self.speaks(&step),
        }
    }

    fn speaks(&mut self, step: &CallerStep) {
        if self.ended || self.is_speaking() {
            return;
        }
        self.turns += 1;
        let ended = self.now + step.lasts;
        self.speaking_until = Some(ended);
        let turn = CallerTurn {
            turn: self.turns,
            text: step.text.map(str::to_owned),
            confidence: None,
            language: None,
            started: self.now,
            ended,
            voiced: step.lasts,
            cut_off: step.cut_off,
        };
        self.schedule(ended + step.transcribed, Due::Heard(turn));
        self.interrupt();
    }

    /// The caller spoke into what the agent says.
    fn interrupt(&mut self) {
        let Some(playing) = self.playing.as_ref().filter(|playing| playing.utterance.interruptible) else { return };
        let (utterance, total) = (playing.utterance.id, playing.until.since(playing.from).as_millis().max(1));
        let heard = if self.is_sounding() {
            let part =
                self.now.since(playing.from).as_millis() * playing.utterance.text.chars().count() as u128 / total;
            playing.utterance.text.chars().take(part as usize).collect()
        } else {
            String::new()
        };
        self.drop_speech();
        self.tell(DialogueEvent::Interrupted { utterance, heard });
    }
}
