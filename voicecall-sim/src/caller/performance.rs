//! An act of the caller, frame by frame.

use std::path::Path;
use std::time::Duration;

use voicecall_core::audio::g711::mulaw;
use voicecall_core::audio::{FRAME_DURATION, Frame, Framer, Pcm, Resampler, SAMPLE_RATE};
use voicecall_core::{Error, Result};

use super::log::CallerEvent;
use crate::clips::Speech;
use crate::fault::Rng;
use crate::phone::PartyAction;
use crate::scenario::Act;
use crate::wav::Wav;

/// From one key to the next: a tone of 100 ms and a pause as long.
const PER_KEY: usize = 10;

/// An act that is ready to be done.
#[derive(Debug, Clone)]
pub(super) enum Performance {
    Speech { text: String, frames: Vec<Frame> },
    Keys(String),
    Silence { frames: usize },
    Noise { frames: usize, amplitude: f64 },
    HangUp,
}

impl Performance {
    /// Prepares `act`, which sounds as `say` has it; a recording that cannot be played is found here, before the call.
    pub(super) fn prepare(act: &Act, say: impl FnOnce(&str) -> Speech) -> Result<Self> {
        Ok(match act {
            Act::Say(text) => speech(say(text)),
            Act::Play(path) => recording(path)?,
            Act::Keys(keys) => Self::Keys(keys.clone()),
            Act::Silence(duration) => Self::Silence { frames: frames_in(*duration) },
            Act::Noise { duration, below_full_scale } => {
                // Uniform noise has an RMS of its amplitude divided by the square root of three.
                let rms = f64::from(i16::MAX) * 10_f64.powf(-below_full_scale / 20.0);
                Self::Noise { frames: frames_in(*duration), amplitude: rms * 3_f64.sqrt() }
            }
            Act::HangUp => Self::HangUp,
        })
    }

    /// What the log calls it.
    pub(super) fn event(&self) -> CallerEvent {
        match self {
            Self::Speech { text, .. } => CallerEvent::Said(text.clone()),
            Self::Keys(keys) => CallerEvent::Pressed(keys.clone()),
            Self::Silence { .. } => CallerEvent::KeptSilent,
            Self::Noise { .. } => CallerEvent::MadeNoise,
            Self::HangUp => CallerEvent::HungUp,
        }
    }

    /// What is being said, if it is speech.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Speech { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it can be heard.
    pub(super) fn is_audible(&self) -> bool {
        !matches!(self, Self::Silence { .. })
    }

    /// The `position`-th 20 ms of it; `None` when it is over.
    pub(super) fn at(&self, position: usize, rng: &mut Rng) -> Option<PartyAction> {
        let lasts = |frames: &usize| position < *frames;
        match self {
            Self::Speech { frames, .. } => frames.get(position).copied().map(PartyAction::Speak),
            Self::Silence { frames } => lasts(frames).then_some(PartyAction::Listen),
            Self::Noise { frames, amplitude } => lasts(frames).then(|| PartyAction::Speak(noise(*amplitude, rng))),
            Self::Keys(keys) => {
                let key = keys.chars().nth(position / PER_KEY)?;
                Some(if position.is_multiple_of(PER_KEY) { PartyAction::Press(key) } else { PartyAction::Listen })
            }
            Self::HangUp => Some(PartyAction::HangUp),
        }
    }
}

fn speech(speech: Speech) -> Performance {
    Performance::Speech { frames: framed(&speech.audio), text: speech.text }
}

/// A recording, which is called by its file's name.
fn recording(path: &Path) -> Result<Performance> {
    let wrong = |why: String| Error::config("caller.step.play", format!("{}: {why}", path.display()));
    let file = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let wav = Wav::read(&file).map_err(wrong)?;
    let mut resampler = Resampler::new(wav.rate, SAMPLE_RATE).map_err(|error| wrong(error.to_string()))?;
    let mut samples = Vec::new();
    resampler.process(&wav.samples, &mut samples);
    resampler.flush(&mut samples);
    let audio: Vec<u8> = samples.iter().map(|&sample| mulaw::encode(sample)).collect();
    let text = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Performance::Speech { text, frames: framed(&audio) })
}

fn framed(audio: &[u8]) -> Vec<Frame> {
    let (mut framer, mut frames) = (Framer::new(), Vec::new());
    framer.push(audio, |frame| frames.push(frame));
    frames.extend(framer.flush());
    frames
}

fn frames_in(duration: Duration) -> usize {
    usize::try_from(duration.as_nanos().div_ceil(FRAME_DURATION.as_nanos())).unwrap_or(usize::MAX)
}

fn noise(amplitude: f64, rng: &mut Rng) -> Frame {
    // A cast from float to integer saturates: noise close to full scale clips.
    let samples: Pcm = std::array::from_fn(|_| (amplitude * (2.0 * rng.unit() - 1.0)) as i16);
    Frame::encode(&samples)
}
