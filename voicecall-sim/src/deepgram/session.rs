//! One live transcription: audio in, messages out.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use voicecall_core::audio::{FRAME_SAMPLES, SAMPLE_RATE};

use super::ListenRequest;
use super::json::{self, Flags};
use crate::matcher::{ClipMatcher, Heard, Listener};

/// How often it is told what was heard so far: every second of audio.
const INTERIM: usize = SAMPLE_RATE as usize;

/// Hears a stream of mu-law and says what Deepgram would, in its messages. It knows no clock.
#[derive(Debug)]
pub struct ListenSession {
    request: ListenRequest,
    request_id: String,
    listener: Listener,
    /// Audio that is not a whole frame yet.
    rest: Vec<u8>,
    samples: usize,
    /// Where the last final result ends.
    settled: usize,
    next_interim: usize,
    /// Segments since then, if pauses end none.
    unsettled: Heard,
    sha256: Sha256,
}

impl ListenSession {
    /// A transcription that is about to begin.
    #[must_use]
    pub fn new(request: ListenRequest, request_id: impl Into<String>, ears: ClipMatcher) -> Self {
        Self {
            request,
            request_id: request_id.into(),
            listener: Listener::new(ears),
            rest: Vec::new(),
            samples: 0,
            settled: 0,
            next_interim: INTERIM,
            unsettled: Heard::default(),
            sha256: Sha256::new(),
        }
    }

    /// Samples that were heard.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Hears more audio. Takes a while where there is something to understand: not for an async task.
    pub fn hear(&mut self, codes: &[u8]) -> Vec<Value> {
        self.sha256.update(codes);
        self.rest.extend_from_slice(codes);
        let mut said = Vec::new();
        let whole = self.rest.len() / FRAME_SAMPLES * FRAME_SAMPLES;
        let frames: Vec<u8> = self.rest.drain(..whole).collect();
        for frame in frames.chunks(FRAME_SAMPLES) {
            self.frame(frame, &mut said);
        }
        said
    }

    fn frame(&mut self, frame: &[u8], said: &mut Vec<Value>) {
        self.samples += frame.len();
        if let Some(utterance) = self.listener.hear(frame) {
            self.unsettled.words.extend(utterance.heard.words);
            if self.request.endpointing {
                said.push(self.settle(Flags { is_final: true, speech_final: true, ..Flags::default() }));
                return;
            }
        }
        if self.samples >= self.next_interim {
            self.next_interim = self.samples + INTERIM;
            if self.request.interim_results {
                let mut heard = self.unsettled.clone();
                heard.words.extend(self.listener.so_far().into_iter().flat_map(|utterance| utterance.heard.words));
                said.push(self.results(&heard, Flags::default()));
            }
        }
    }

    /// `Finalize`: everything that was not final yet is.
    pub fn finalize(&mut self) -> Vec<Value> {
        self.flush();
        vec![self.settle(Flags { is_final: true, speech_final: true, from_finalize: true })]
    }

    /// `CloseStream`: the rest, and the summary.
    pub fn close(&mut self) -> Vec<Value> {
        self.flush();
        let mut said = Vec::new();
        if self.samples > self.settled {
            said.push(self.settle(Flags { is_final: true, ..Flags::default() }));
        }
        let mut sha256 = String::new();
        for byte in self.sha256.clone().finalize() {
            // Writing to a string cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        said.push(json::metadata(&self.request_id, self.samples, &sha256));
        said
    }

    fn flush(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.samples += rest.len();
            if let Some(utterance) = self.listener.hear(&rest) {
                self.unsettled.words.extend(utterance.heard.words);
            }
        }
        self.unsettled.words.extend(self.listener.finish().into_iter().flat_map(|utterance| utterance.heard.words));
    }

    fn settle(&mut self, flags: Flags) -> Value {
        let heard = std::mem::take(&mut self.unsettled);
        let result = self.results(&heard, flags);
        self.settled = self.samples;
        self.next_interim = self.samples + INTERIM;
        result
    }

    fn results(&self, heard: &Heard, flags: Flags) -> Value {
        json::results(&self.request, &self.request_id, (self.settled, self.samples), heard, flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clips::Library;

    const SENTENCE: &str = "Kaffet var kallt och jag fick vänta länge.";

    fn session(query: &str) -> ListenSession {
        let request = ListenRequest::read(&format!("model=nova-3&encoding=mulaw&sample_rate=8000&{query}")).unwrap();
        ListenSession::new(request, "r-1", ClipMatcher::bundled().clone())
    }

    fn sentence() -> Vec<u8> {
        Library::bundled().voice("caller", SENTENCE).unwrap().audio
    }

    fn text(message: &Value) -> &str {
        message["channel"]["alternatives"][0]["transcript"].as_str().unwrap()
    }

    #[test]
    fn what_is_said_is_heard_bit_by_bit_and_whole_at_the_pause() {
        let mut session = session("interim_results=true&punctuate=true");
        let mut audio = sentence();
        audio.extend([0xFF; 4_000]);
        let said: Vec<Value> = audio.chunks(160).flat_map(|frame| session.hear(frame)).collect();
        let (last, interim) = said.split_last().unwrap();
        assert_eq!((text(last), &last["is_final"], &last["speech_final"]), (SENTENCE, &true.into(), &true.into()));
        assert!(interim.iter().any(|message| !text(message).is_empty()), "{interim:?}");
        assert!(interim.iter().all(|message| message["is_final"] == false && SENTENCE.starts_with(text(message))));
        let closing = session.close();
        assert_eq!(closing.last().unwrap()["type"], "Metadata");
        assert_eq!(closing.last().unwrap()["duration"], audio.len() as f64 / 8000.0);
    }

    #[test]
    fn the_end_makes_final_what_no_pause_has() {
        let mut session = session("");
        assert_eq!(session.hear(&sentence()), [Value::Null; 0]);
        let said = session.close();
        assert_eq!(text(&said[0]), "kaffet var kallt och jag fick vänta länge");
        assert_eq!((said.len(), &said[0]["is_final"], &said[0]["from_finalize"]), (2, &true.into(), &false.into()));
    }

    #[test]
    fn finalize_says_that_it_was_the_reason_and_leaves_the_socket_open() {
        let mut session = session("punctuate=true");
        session.hear(&sentence());
        let said = session.finalize();
        assert_eq!((text(&said[0]), &said[0]["from_finalize"]), (SENTENCE, &true.into()));
        session.hear(&[0xFF; 4_000]);
        session.hear(&sentence());
        assert_eq!(text(&session.close()[0]), SENTENCE);
    }

    #[test]
    fn without_endpointing_a_pause_ends_nothing() {
        let mut session = session("endpointing=false&punctuate=true");
        for audio in [sentence(), vec![0xFF; 8_000], sentence()] {
            assert_eq!(session.hear(&audio), [Value::Null; 0]);
        }
        assert_eq!(text(&session.close()[0]), format!("{SENTENCE} {SENTENCE}"));
    }
}
