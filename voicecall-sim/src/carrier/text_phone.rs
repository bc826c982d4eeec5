//! The carrier's ear and voice in a conversation in text: whoever is on the line hears sound, the service reads words.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval};
use voicecall_core::audio::{FRAME_DURATION, FRAME_SAMPLES, Frame};
use voicecall_core::carrier::InterruptedBy;
use voicecall_core::media::StreamStart;
use voicecall_core::testing::{PairedPeer, ScriptedText};
use voicecall_core::text_media::{TextCommand, TextEvent};
use voicecall_core::{CallTime, CarrierCallId};

use super::break_off::BreakOff;
use super::exchange::SimCarrier;
use super::line::Owner;
use super::phone::PhoneEnd;
use super::step::Converse;
use crate::fault::Fault;
use crate::phone::PartyAction;
use crate::relay::{Interrupted, Talk};

/// Whose voice the carrier has.
const SPEAKER: &str = "agent";

#[derive(Debug)]
pub(super) struct TextPhone<'a> {
    carrier: Arc<SimCarrier>,
    index: usize,
    owner: &'a mut Owner,
    peer: PairedPeer,
    talk: Talk,
    interrupted_by: InterruptedBy,
    answered_at: Instant,
}

impl<'a> TextPhone<'a> {
    pub(super) fn new(
        carrier: &Arc<SimCarrier>,
        index: usize,
        converse: &Converse,
        peer: PairedPeer,
        answered_at: Instant,
        owner: &'a mut Owner,
    ) -> Self {
        let (carrier, interrupted_by) = (Arc::clone(carrier), converse.interrupted_by);
        let mut phone = Self { carrier, index, owner, peer, talk: Talk::default(), interrupted_by, answered_at };
        if let Some(greeting) = &converse.greeting {
            phone.say(greeting, true, true);
        }
        phone
    }

    /// Stays on the line until something ends it. Nothing is lost if this is dropped before [`stop`](Self::stop).
    pub(super) async fn run(&mut self, fault: Option<Fault>) -> PhoneEnd {
        let start = StreamStart { stream: None, account: None, call: self.call(), parameters: [].into() };
        self.tell(&TextEvent::Started(start)).await;
        let mut tick = interval(FRAME_DURATION);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut break_off = BreakOff::new(fault);
        loop {
            tokio::select! {
                biased;
                message = self.peer.receive() => match message.map(|message| ScriptedText::read(&message)) {
                    Some(Ok(TextCommand::End)) | None => return PhoneEnd::Closed,
                    Some(Ok(command)) => self.obey(command),
                    Some(Err(error)) => {
                        self.carrier.note(format_args!("{} gets what it cannot read: {error}", self.call()));
                        self.tell(&TextEvent::Failed).await;
                    }
                },
                now = tick.tick() => {
                    if let Some(end) = break_off.strike(now).await {
                        return end;
                    }
                    if self.tick(now).await {
                        return PhoneEnd::Left;
                    }
                }
            }
        }
    }

    /// Says that the conversation is over.
    pub(super) async fn stop(&mut self) {
        self.tell(&TextEvent::Stopped).await;
    }

    fn call(&self) -> CarrierCallId {
        CarrierCallId::new(format!("SC{}", self.index + 1))
    }

    async fn tell(&mut self, event: &TextEvent) {
        self.peer.send(ScriptedText::write(event)).await;
    }

    fn obey(&mut self, command: TextCommand) {
        match command {
            TextCommand::Say { words, last, interruptible } => self.say(&words, last, interruptible),
            TextCommand::Press(keys) => {
                let now = self.now();
                if let Owner::Party(party) = &mut *self.owner {
                    keys.reveal().chars().filter(|key| !"wW".contains(*key)).for_each(|key| party.hear_key(now, key));
                }
            }
            // Any language is spoken and understood.
            TextCommand::Language { .. } | TextCommand::End => {}
        }
    }

    fn say(&mut self, words: &str, last: bool, interruptible: bool) {
        let interruptible = interruptible && self.interrupted_by != InterruptedBy::Nothing;
        for sentence in self.talk.sentences(words, last) {
            let speech = self.carrier.options.speech.as_ref().filter(|_| !sentence.text.is_empty());
            let audio = speech.map(|speech| speech.speak(SPEAKER, &sentence.text).audio.clone());
            self.talk.say(sentence, audio.unwrap_or_default(), interruptible);
        }
    }

    /// Twenty milliseconds on the line. Returns whether whoever is there hung up.
    async fn tick(&mut self, at: Instant) -> bool {
        let now = self.now();
        // One of many says nothing, and stays as long as all of them.
        let stays = self.carrier.options.people.stay.is_none_or(|stay| at < self.answered_at + stay);
        let action = match &mut *self.owner {
            Owner::Party(party) => party.speak(now),
            Owner::Person(_) if stays => PartyAction::Listen,
            Owner::Person(_) => PartyAction::HangUp,
        };
        let spoken = match action {
            PartyAction::Speak(frame) => frame,
            PartyAction::Press(key) => {
                self.press(key).await;
                Frame::SILENCE
            }
            PartyAction::HangUp => return true,
            PartyAction::Listen => Frame::SILENCE,
        };
        let by_speech = matches!(self.interrupted_by, InterruptedBy::Speech | InterruptedBy::Anything);
        let ear = self.talk.hear(&spoken, by_speech);
        if let Some(interrupted) = ear.interrupted {
            self.tell(&event_of(interrupted)).await;
        }
        self.sound(now);
        if let Some(words) = ear.turn.and_then(|audio| self.understand(&audio)) {
            self.tell(&TextEvent::Heard { words, language: None }).await;
        }
        false
    }

    async fn press(&mut self, key: char) {
        let by_keys = matches!(self.interrupted_by, InterruptedBy::Keys | InterruptedBy::Anything);
        if by_keys && self.talk.is_interruptible() {
            let interrupted = self.talk.interrupt();
            self.tell(&event_of(interrupted)).await;
        }
        self.tell(&TextEvent::Key(key)).await;
    }

    fn sound(&mut self, now: CallTime) {
        let heard = self.talk.sound();
        if heard != Frame::SILENCE {
            self.carrier.change(self.index, |call, now| call.heard(now));
        }
        if let Owner::Party(party) = &mut *self.owner {
            party.hear(now, &heard);
        }
    }

    fn understand(&self, audio: &[u8]) -> Option<String> {
        let frames = audio.chunks_exact(FRAME_SAMPLES).filter_map(|codes| <[u8; FRAME_SAMPLES]>::try_from(codes).ok());
        let words = self.carrier.options.speech.as_ref()?.read(frames.map(Frame::from));
        (!words.is_empty()).then_some(words)
    }

    /// The time since the call was answered, which may be before this conversation began.
    fn now(&self) -> CallTime {
        CallTime::ZERO + self.answered_at.elapsed()
    }
}

fn event_of(interrupted: Interrupted) -> TextEvent {
    TextEvent::Interrupted { heard: interrupted.words, after: Some(interrupted.after) }
}
