//! One answer of the model, from the request to its last sample: it comes faster than it is spoken.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::agent::{AgentEvent, OpId, Respond, SPEECH_CREDIT};
use crate::audio::SAMPLE_RATE;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ItemId, SpeechChunk, TokenUsage, ToolCall};

/// The most samples in one event: 200 ms.
const EVENT_SAMPLES: usize = SAMPLE_RATE as usize / 5;

/// Sound that waits to be spoken, in samples: an answer of more than four minutes is none.
const LONGEST: usize = 240 * SAMPLE_RATE as usize;

/// Words of an answer, in bytes: more than anybody says in so much time.
const LONGEST_TEXT: usize = 32 * 1024;

#[derive(Debug)]
pub(super) struct Answer {
    /// Whose it is; nobody's while it is given ahead, or was given up.
    pub(super) op: Option<OpId>,
    /// Who caused it, and is charged for it in any case.
    pub(super) cause: OpId,
    /// What was asked.
    pub(super) request: Respond,
    /// Whether it is given up: nobody will ever want it.
    pub(super) dropped: bool,
    /// What it is in the conversation, in order.
    pub(super) items: Vec<ItemId>,
    /// Which of them is its speech.
    pub(super) spoken: Option<ItemId>,
    /// Everything it says.
    pub(super) text: String,
    tokens: VecDeque<String>,
    audio: BytesMut,
    calls: VecDeque<ToolCall>,
    usage: Option<TokenUsage>,
    /// How it ended, until that was told.
    end: Option<Result<()>>,
    /// Whether it ended at the model.
    pub(super) over: bool,
    text_done: bool,
    credit: u64,
    delivered: u64,
}

impl Answer {
    pub(super) fn new(op: Option<OpId>, cause: OpId, request: Respond) -> Self {
        Self {
            op,
            cause,
            request,
            dropped: false,
            items: Vec::new(),
            spoken: None,
            text: String::new(),
            tokens: VecDeque::new(),
            audio: BytesMut::new(),
            calls: VecDeque::new(),
            usage: None,
            end: None,
            over: false,
            text_done: false,
            credit: SPEECH_CREDIT,
            delivered: 0,
        }
    }

    /// More words. Returns whether there is room for them.
    pub(super) fn write(&mut self, text: String) -> bool {
        let fits = self.text.len() + text.len() <= LONGEST_TEXT;
        if fits {
            self.text.push_str(&text);
            self.tokens.push_back(text);
        }
        fits
    }

    /// More sound. Returns whether there is room for it.
    pub(super) fn sound(&mut self, audio: &[u8]) -> bool {
        let fits = self.audio.len() + audio.len() <= LONGEST;
        if fits {
            self.audio.extend_from_slice(audio);
        }
        fits
    }

    pub(super) fn call(&mut self, call: ToolCall) {
        self.calls.push_back(call);
    }

    pub(super) const fn used(&mut self, usage: TokenUsage) {
        self.usage = Some(usage);
    }

    /// What it used and nobody was told of, of one that nobody hears.
    pub(super) fn charge(&mut self) -> Option<(OpId, AgentEvent)> {
        self.usage.take().map(|usage| (self.cause, AgentEvent::Usage(usage)))
    }

    /// The model has ended it, or will never.
    pub(super) fn finish(&mut self, end: Result<()>) {
        if !self.over {
            self.over = true;
            self.end = Some(end);
        }
    }

    pub(super) const fn grant(&mut self, samples: u64) {
        self.credit = self.credit.saturating_add(samples);
    }

    /// Whether anything of it was handed on.
    pub(super) const fn has_begun(&self) -> bool {
        self.delivered > 0
    }

    /// Whether the model has said anything at all in it.
    pub(super) fn is_answered(&self) -> bool {
        self.over || !self.items.is_empty() || !self.text.is_empty() || !self.audio.is_empty() || self.delivered > 0
    }

    /// Whether all of it was handed on, its end included.
    pub(super) const fn is_told(&self) -> bool {
        self.over && self.end.is_none()
    }

    /// The next event of it for whoever asked, as far as there is credit.
    pub(super) fn next_event(&mut self) -> Option<AgentEvent> {
        if let Some(text) = self.tokens.pop_front() {
            return Some(AgentEvent::Token(text));
        }
        if self.over && !self.text_done {
            if let Some(event) = self.next_last() {
                return Some(event);
            }
            self.text_done = true;
            if matches!(self.end, Some(Ok(()))) {
                return Some(AgentEvent::TextDone);
            }
        }
        if let Some(audio) = self.next_audio() {
            return Some(AgentEvent::Speech(SpeechChunk { audio, words: Vec::new() }));
        }
        if !self.audio.is_empty() {
            return None;
        }
        Some(match self.end.take()? {
            // As a success it would leave the caller in silence.
            Ok(()) if self.is_mute() => {
                AgentEvent::Failed(Error::new(ErrorKind::Protocol, "respond").with_message("no audio"))
            }
            Ok(()) => AgentEvent::Done,
            Err(error) => AgentEvent::Failed(error),
        })
    }

    /// What comes behind the text and before the word that it was all.
    fn next_last(&mut self) -> Option<AgentEvent> {
        if matches!(self.end, Some(Ok(())))
            && let Some(call) = self.calls.pop_front()
        {
            return Some(AgentEvent::ToolCall(call));
        }
        self.usage.take().map(AgentEvent::Usage)
    }

    fn next_audio(&mut self) -> Option<Bytes> {
        let room = usize::try_from(self.credit.saturating_sub(self.delivered)).unwrap_or(usize::MAX);
        let length = self.audio.len().min(EVENT_SAMPLES);
        // A piece that would be cut by the credit waits for more of it, unless it is the last.
        if length == 0 || room < length {
            return None;
        }
        self.delivered += length as u64;
        Some(self.audio.split_to(length).freeze())
    }

    /// Whether it has words to be heard and no sound.
    fn is_mute(&self) -> bool {
        self.delivered == 0 && self.text.chars().any(char::is_alphanumeric)
    }
}
