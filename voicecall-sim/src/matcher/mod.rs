//! Clip matching: an integrity check of the audio path of simulated calls.
//!
//! **This is not speech recognition.** A [`ClipMatcher`] knows a fixed set of recordings, those of a
//! [`Library`](crate::clips::Library), and tells which words of them are in a piece of audio, sample
//! for sample. It answers one question about a test: did the audio that was said arrive whole, at
//! the right rate, in the right coding and order? Audio that a codec, a resampler or a phone line
//! may produce gives the text that was said. Audio that was cut gives cut text, or none if less than
//! 0.6 s of a sentence is left; audio with holes gives text with holes; audio in the wrong coding or
//! at the wrong rate gives none, however well a human would understand it. Somebody reading the same
//! sentence aloud gives none either.
//!
//! The matcher sees nothing but the audio, keeps nothing between calls, and weighs all recordings
//! alike, distractors included: it never knows what should have been said.
//!
//! ```
//! use voicecall_core::audio::g711::mulaw;
//! use voicecall_sim::clips::Library;
//! use voicecall_sim::matcher::ClipMatcher;
//!
//! let said = Library::bundled().voice("caller", "Nej tack, jag har inte tid.")?;
//! let mut pcm = vec![0; said.audio.len()];
//! mulaw::decode_slice(&said.audio, &mut pcm);
//! assert_eq!(ClipMatcher::bundled().listen(&pcm).text(), said.text);
//! # Ok::<(), voicecall_sim::clips::NoClip>(())
//! ```

mod choose;
mod heard;
mod listen;
mod listener;
mod search;
mod signal;
mod verify;

#[cfg(test)]
mod tests;

pub use heard::{Heard, HeardWord};
pub use listen::ClipMatcher;
pub use listener::{Listener, Utterance};
