//! Telephone audio: 8 kHz frames of 20 ms, and the pure steps that work on them.
//!
//! A carrier delivers mu-law bytes in chunks of its own size; [`Framer`] cuts them into [`Frame`]s,
//! which is what every other part of the library passes on. Samples ([`Pcm`]) exist only where
//! somebody needs to look at them.
//!
//! Everything here is synchronous, deterministic and free of clocks.
//!
//! ```
//! use voicecall_core::audio::{Frame, Framer, Pcm};
//!
//! let mut framer = Framer::new();
//! let mut frames = Vec::new();
//! framer.push(&[0xFF; 400], |frame| frames.push(frame));
//! assert_eq!(frames, [Frame::SILENCE; 2]);
//! assert_eq!(framer.pending(), 80);
//!
//! let samples: Pcm = frames[0].decode();
//! assert_eq!(samples, [0; 160]);
//! ```

use std::time::Duration;

pub mod dtmf;
mod encoder;
mod frame;
mod framer;
pub mod g711;
mod recording;
mod resample;
mod vad;

pub use encoder::TelephoneEncoder;
pub use frame::Frame;
pub use framer::Framer;
pub use recording::{OpenedRecording, StereoWav, seal_recording};
pub use resample::{RATES, Resampler, UnsupportedRate};
#[cfg(feature = "vad")]
pub use vad::NeuralDetector;
pub use vad::{Detection, EnergyDetector, NoVoice, VoiceDetector};

/// Samples per second of telephone audio, in hertz.
pub const SAMPLE_RATE: u32 = 8000;

/// Samples in one frame; in mu-law also its bytes.
pub const FRAME_SAMPLES: usize = 160;

/// The playing time of one frame.
pub const FRAME_DURATION: Duration = Duration::from_millis(20);

/// One frame as linear 16-bit samples at [`SAMPLE_RATE`].
pub type Pcm = [i16; FRAME_SAMPLES];
