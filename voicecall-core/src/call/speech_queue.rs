//! Speaking: utterances in order, each from prepared audio or from a speaking operation, played and booked as heard.

mod response;

use std::collections::VecDeque;
use std::time::Duration;

use self::response::Response;
use super::heard::{self, HeardText};
use super::io::Output;
use super::ops::Ops;
use super::playout::{Playout, SpeechId};
use super::settings::{CallSettings, Timeouts};
use crate::agent::{AgentTask, OpId, Respond, SPEECH_CREDIT};
use crate::audio::{FRAME_SAMPLES, Frame, Framer};
use crate::dialogue::{Utterance, UtteranceId};
use crate::media::MarkId;
use crate::model::WordTiming;
use crate::time::CallTime;

/// A voice is asked this often for one utterance.
const TRIES: u32 = 3;

/// The wait before a voice is asked again, doubled each time.
const BACKOFF: Duration = Duration::from_millis(250);

/// Frames handed to the playout at a time: half a second, so that the rest can still be held back at its source.
const FEED: usize = 25;

/// Credit is given back in pieces of this many samples: 200 ms.
const GRANT: u64 = 1600;

/// How many utterances are synthesised ahead of the one being played.
const AHEAD: usize = 2;

/// The agent's utterances, from the text to the last sample heard.
#[derive(Debug)]
pub(super) struct SpeechQueue {
    pub(super) playout: Playout,
    timeouts: Timeouts,
    queue: VecDeque<QueuedSpeech>,
    speeches: u32,
    /// Responses that have failed and not been told of.
    failed: VecDeque<(UtteranceId, String)>,
}

#[derive(Debug)]
struct QueuedSpeech {
    speech: SpeechId,
    /// Absent for a filler, which no dialogue asked for.
    utterance: Option<UtteranceId>,
    text: String,
    /// What a model says instead of the text.
    response: Option<Response>,
    interruptible: bool,
    source: Source,
    framer: Framer,
    words: Vec<WordTiming>,
    /// Frames ready to be played that wait for the line before.
    ready: VecDeque<Frame>,
    samples: u64,
    /// Samples the voice may deliver in all, and samples handed to the playout.
    granted: u64,
    taken: u64,
    complete: bool,
    /// Its voice failed before it had said everything.
    broken: bool,
    fed: bool,
    /// What was handed to the playout of speech that may not be interrupted, while it stands behind something else: played
    /// again if that is interrupted. Nothing interrupts it once it is the first.
    handed: Vec<Frame>,
}

#[derive(Debug)]
enum Source {
    Prepared,
    /// Not asked for yet; not before this instant.
    Later {
        tries: u32,
        not_before: CallTime,
    },
    Asked {
        op: OpId,
        tries: u32,
        due: CallTime,
    },
}

/// An utterance, or filler, that came to its end.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) utterance: Option<UtteranceId>,
    /// Whether its voice failed in the middle.
    pub(super) broken: bool,
    pub(super) words: HeardText,
    pub(super) from: CallTime,
    pub(super) until: CallTime,
}

/// Who has the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Floor {
    /// Nobody of us.
    Free,
    /// A filler is heard.
    Filler,
    /// An utterance is heard or about to be, or one waits for its voice that may not be interrupted.
    Utterance,
}

/// What became of audio that was asked for in vain.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TtsOutcome {
    /// It is asked once more, or was not needed any more.
    Available,
    /// It has failed too often.
    Failed,
}

impl SpeechQueue {
    pub(super) fn new(settings: &CallSettings) -> Self {
        Self {
            playout: Playout::new(settings.lead, settings.recording),
            timeouts: settings.timeouts.clone(),
            queue: VecDeque::new(),
            speeches: 0,
            failed: VecDeque::new(),
        }
    }

    pub(super) fn say(&mut self, utterance: Utterance, settings: &CallSettings, now: CallTime) {
        let Utterance { id, text, interruptible } = utterance;
        self.add(Some(id), text, interruptible, settings, now);
    }

    /// Says something nobody asked for, before whatever has not begun; only if it is prepared. Returns whether it was.
    pub(super) fn fill(&mut self, text: &str, interruptible: bool, settings: &CallSettings, now: CallTime) -> bool {
        let prepared = settings.prepared(text).is_some();
        if prepared {
            self.add(None, text.to_owned(), interruptible, settings, now);
            // It bridges the wait for whatever has not begun, so it stands before that and not behind.
            if let Some(at) = self.queue.iter().position(|line| line.taken == 0)
                && let Some(filler) = self.queue.pop_back()
            {
                self.queue.insert(at, filler);
            }
        }
        prepared
    }

    /// Says something nobody asked for and nobody may interrupt, prepared or not.
    pub(super) fn announce(&mut self, text: &str, settings: &CallSettings, now: CallTime) {
        self.add(None, text.to_owned(), false, settings, now);
    }

    /// Plays audio that is no speech, behind everything queued before.
    pub(super) fn play(&mut self, audio: &[u8], settings: &CallSettings, now: CallTime) {
        self.add(None, String::new(), false, settings, now);
        if let Some(line) = self.queue.back_mut() {
            line.source = Source::Prepared;
            line.append(audio);
            line.complete();
        }
    }

    /// Says what a model answers, behind everything queued before.
    pub(super) fn respond(&mut self, id: UtteranceId, request: Respond, settings: &CallSettings, now: CallTime) {
        self.add(Some(id), String::new(), true, settings, now);
        if let Some(line) = self.queue.back_mut() {
            line.response = Some(Response::new(request));
        }
    }

    fn add(
        &mut self,
        id: Option<UtteranceId>,
        text: String,
        interruptible: bool,
        settings: &CallSettings,
        now: CallTime,
    ) {
        self.speeches += 1;
        let mut line = QueuedSpeech {
            speech: SpeechId(self.speeches),
            utterance: id,
            source: Source::Later { tries: 0, not_before: now },
            text,
            response: None,
            interruptible,
            framer: Framer::new(),
            words: Vec::new(),
            ready: VecDeque::new(),
            samples: 0,
            granted: SPEECH_CREDIT,
            taken: 0,
            complete: false,
            broken: false,
            fed: false,
            handed: Vec::new(),
        };
        if let Some(prepared) = settings.prepared(&line.text) {
            line.source = Source::Prepared;
            line.words.clone_from(&prepared.words);
            line.append(&prepared.audio);
            line.complete();
        }
        self.queue.push_back(line);
    }

    /// More audio of a speaking operation. Returns whether it was the first of it.
    pub(super) fn audio(&mut self, op: OpId, audio: &[u8], words: Vec<WordTiming>, now: CallTime) -> bool {
        let timeout = self.timeouts.speech;
        let Some(line) = self.queue.iter_mut().find(|line| line.is_asked(op)) else { return false };
        let first = line.samples == 0 && !audio.is_empty();
        line.append(audio);
        line.words.extend(words);
        // Until a model has written all it will, its next word is what is waited for.
        if line.response.as_ref().is_none_or(Response::is_written) {
            line.wait_until(now + timeout);
        }
        first
    }

    /// A speaking operation is complete.
    pub(super) fn done(&mut self, op: OpId, now: CallTime) -> TtsOutcome {
        match self.queue.iter_mut().find(|line| line.is_asked(op)) {
            // A voice that finishes without a sound has failed.
            Some(line) if line.samples == 0 && line.response.is_none() => self.failed(op, now),
            Some(line) => {
                line.complete();
                line.source = Source::Prepared;
                TtsOutcome::Available
            }
            None => TtsOutcome::Available,
        }
    }

    /// A speaking operation failed: once more if nothing of it came, else what came is played and counts as broken off.
    pub(super) fn failed(&mut self, op: OpId, now: CallTime) -> TtsOutcome {
        let Some(line) = self.queue.iter_mut().find(|line| line.is_asked(op)) else { return TtsOutcome::Available };
        let Source::Asked { tries, .. } = line.source else { return TtsOutcome::Available };
        if let Some(response) = &mut line.response {
            response.fail(line.samples);
            self.failed.extend(line.utterance.map(|utterance| (utterance, response.spoken(line.samples))));
        }
        if line.samples > 0 || line.response.is_some() {
            line.complete();
            // A response that failed is told of by itself.
            line.broken = line.response.is_none();
            line.source = Source::Prepared;
            return TtsOutcome::Available;
        }
        if tries >= TRIES {
            return TtsOutcome::Failed;
        }
        line.source = Source::Later { tries, not_before: now + BACKOFF * 2u32.pow(tries - 1) };
        TtsOutcome::Available
    }

    /// Asks for audio that is needed soon, plays what is ready and due.
    pub(super) fn advance(&mut self, now: CallTime, ops: &mut Ops, out: &mut Vec<Output>) -> TtsOutcome {
        let late = |line: &QueuedSpeech| match line.source {
            // A voice that has used up its credit is not late: it waits for us.
            Source::Asked { op, due, .. } if due <= now && line.may_deliver() => Some(op),
            _ => None,
        };
        while let Some(op) = self.queue.iter().find_map(late) {
            out.push(Output::Cancel { op });
            if self.failed(op, now) == TtsOutcome::Failed {
                return TtsOutcome::Failed;
            }
        }
        for line in self.queue.iter_mut().take(AHEAD) {
            if let Source::Later { tries, not_before } = line.source
                && not_before <= now
            {
                let op = ops.next();
                let (task, timeout) = match &mut line.response {
                    Some(response) => (response.ask(op), self.timeouts.first_token),
                    None => (AgentTask::Speak(line.text.clone()), self.timeouts.speech),
                };
                line.source = Source::Asked { op, tries: tries + 1, due: now + timeout };
                out.push(Output::Start { op, task });
            }
        }
        while self.feed(now, out) {
            self.playout.advance(now, |command| out.push(Output::Send(command)));
            if self.playout.waiting() > 0 {
                break;
            }
        }
        self.playout.advance(now, |command| out.push(Output::Send(command)));
        TtsOutcome::Available
    }

    /// Hands frames to the playout and lets their voices go on. Returns whether there were any.
    fn feed(&mut self, now: CallTime, out: &mut Vec<Output>) -> bool {
        let timeout = self.timeouts.speech;
        let mut any = false;
        for (place, line) in self.queue.iter_mut().enumerate().filter(|(_, line)| !line.fed) {
            while self.playout.waiting() < FEED
                && let Some(frame) = line.ready.pop_front()
            {
                self.playout.push(line.speech, frame);
                line.taken += FRAME_SAMPLES as u64;
                if !line.interruptible && place > 0 {
                    line.handed.push(frame);
                }
                any = true;
            }
            let spent = line.taken + SPEECH_CREDIT;
            if let Source::Asked { op, due, .. } = &mut line.source
                && spent >= line.granted + GRANT
            {
                out.push(Output::Grant { op: *op, samples: spent - line.granted });
                line.granted = spent;
                *due = (*due).max(now + timeout);
            }
            if !line.complete || !line.ready.is_empty() {
                break;
            }
            line.fed = true;
            // Of what had no sound the phone knows nothing.
            if line.taken > 0 {
                any = true;
                self.playout.finish(line.speech);
            }
        }
        any
    }

    /// The next utterance that was heard to its end by `now`.
    pub(super) fn next_ended(&mut self, now: CallTime) -> Option<Ended> {
        let silent = |line: &mut QueuedSpeech| line.fed && line.taken == 0;
        if let Some(line) = self.queue.pop_front_if(silent) {
            return Some(Ended { utterance: line.utterance, broken: false, words: line.all(), from: now, until: now });
        }
        let finished = self.playout.next_finished(now)?;
        let line = self.queue.pop_front()?;
        debug_assert_eq!(line.speech, finished.speech, "speech is heard in the order it was queued");
        let words = line.all();
        Some(Ended {
            utterance: line.utterance,
            broken: line.broken,
            words,
            from: finished.from,
            until: finished.until,
        })
    }

    /// The caller interrupts the first utterance, which may be: whatever may be interrupted is dropped, the rest is said from
    /// its beginning. Returns what became of each utterance that was dropped, in order.
    pub(super) fn interrupt(&mut self, now: CallTime, out: &mut Vec<Output>) -> Vec<Ended> {
        debug_assert!(self.is_interruptible(), "of what stands first the beginning is not kept");
        let ended = self.drop_speech(QueuedSpeech::is_interruptible, now, out);
        for speech in &mut self.queue {
            speech.rewind();
        }
        ended
    }

    /// Drops everything. Returns what became of each utterance, in order.
    pub(super) fn clear(&mut self, now: CallTime, out: &mut Vec<Output>) -> Vec<Ended> {
        self.drop_speech(|_| true, now, out)
    }

    fn drop_speech(
        &mut self,
        is_dropped: impl Fn(&QueuedSpeech) -> bool,
        now: CallTime,
        out: &mut Vec<Output>,
    ) -> Vec<Ended> {
        let dropped = self.queue.iter().filter(|speech| is_dropped(speech));
        let ended: Vec<_> = dropped.clone().map(|speech| self.cut(speech, now)).collect();
        let truncated: Vec<_> =
            dropped.clone().zip(&ended).filter_map(|(speech, ended)| self.truncate(speech, ended, now)).collect();
        let ops: Vec<_> = dropped.filter_map(QueuedSpeech::op).collect();
        self.playout.interrupt(now, |command| out.push(Output::Send(command)));
        out.extend(truncated);
        out.extend(ops.into_iter().map(|op| Output::Cancel { op }));
        self.queue.retain(|speech| !is_dropped(speech));
        ended
    }

    /// Tells whoever makes a response that not all of it was heard.
    fn truncate(&self, speech: &QueuedSpeech, ended: &Ended, now: CallTime) -> Option<Output> {
        let op = speech.response.as_ref()?.op()?;
        let samples = self.playout.progress(speech.speech, now).map_or(0, |progress| progress.samples);
        Some(Output::Truncate { op, samples, heard: ended.words.heard.clone() })
    }

    fn cut(&self, line: &QueuedSpeech, now: CallTime) -> Ended {
        let progress = self.playout.progress(line.speech, now);
        let samples = progress.map_or(0, |progress| progress.samples);
        let total = line.complete.then_some(line.samples);
        Ended {
            utterance: line.utterance,
            broken: line.broken,
            words: match &line.response {
                Some(response) => response.split(&line.words, samples, total),
                None => heard::split(&line.text, &line.words, samples, total.filter(|_| !line.broken)),
            },
            from: progress.map_or(now, |progress| progress.from),
            until: now,
        }
    }

    /// Whether there is anything to say, being said or still sounding.
    pub(super) fn is_busy(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether something the caller may interrupt is being said or waits to be said.
    pub(super) fn is_interruptible(&self) -> bool {
        self.queue.front().is_some_and(|line| line.interruptible)
    }

    /// Who has the floor: fillers are said only while it is free.
    pub(super) fn floor(&self, now: CallTime) -> Floor {
        let is_audible = self.is_audible(now);
        let holds = |(place, speech): (usize, &QueuedSpeech)| {
            let is_heard = is_audible && place == 0;
            let is_filler = speech.utterance.is_none() && speech.interruptible;
            !is_filler && (is_heard || !speech.interruptible || speech.samples > 0)
        };
        match (self.queue.iter().enumerate().any(holds), is_audible) {
            (true, _) => Floor::Utterance,
            (false, true) => Floor::Filler,
            (false, false) => Floor::Free,
        }
    }

    /// Whether the caller hears the agent.
    pub(super) fn is_audible(&self, now: CallTime) -> bool {
        self.playout.is_audible(now)
    }

    /// When the first sample of the utterance in front (fillers aside) is heard; `None` before it was sent.
    pub(super) fn heard_from(&self, now: CallTime) -> Option<CallTime> {
        let line = self.queue.iter().find(|line| line.utterance.is_some())?;
        Some(self.playout.progress(line.speech, now)?.from)
    }

    pub(super) fn marked(&mut self, mark: MarkId, now: CallTime) {
        self.playout.marked(mark, now);
    }

    pub(super) fn wake_at(&self) -> Option<CallTime> {
        let asked = self.queue.iter().take(AHEAD).filter_map(|line| match line.source {
            Source::Prepared => None,
            Source::Later { not_before, .. } => Some(not_before),
            Source::Asked { due, .. } => line.may_deliver().then_some(due),
        });
        asked.chain(self.playout.next_send()).chain(self.playout.next_end()).min()
    }
}

impl QueuedSpeech {
    /// What it says, played to its end.
    fn all(&self) -> HeardText {
        match &self.response {
            Some(response) => response.split(&self.words, self.samples, Some(self.samples)),
            None if self.broken => heard::split(&self.text, &self.words, self.samples, None),
            None => HeardText { heard: self.text.clone(), unheard: String::new(), estimated: false },
        }
    }

    /// Whoever makes its audio has until then for the next piece.
    fn wait_until(&mut self, then: CallTime) {
        if let Source::Asked { due, .. } = &mut self.source {
            *due = then;
        }
    }

    /// Whether its voice has credit for one more piece. One that has not is not late: it waits for us, also if what is left
    /// is less than the piece it holds.
    const fn may_deliver(&self) -> bool {
        self.samples + GRANT <= self.granted
    }

    const fn is_interruptible(&self) -> bool {
        self.interruptible
    }

    /// Takes back what was handed to the playout and not heard.
    fn rewind(&mut self) {
        for frame in self.handed.drain(..).rev() {
            self.ready.push_front(frame);
        }
        self.taken = 0;
        self.fed = false;
    }

    fn append(&mut self, audio: &[u8]) {
        self.samples += audio.len() as u64;
        let ready = &mut self.ready;
        self.framer.push(audio, |frame| ready.push_back(frame));
    }

    fn complete(&mut self) {
        self.ready.extend(self.framer.flush());
        self.complete = true;
    }

    const fn op(&self) -> Option<OpId> {
        match self.source {
            Source::Asked { op, .. } => Some(op),
            _ => None,
        }
    }

    fn is_asked(&self, op: OpId) -> bool {
        self.op() == Some(op)
    }
}
