//! Spoken sentences with known word boundaries: the voices of the simulator.
//!
//! Every sentence an agent or a caller says in a simulated call is a recorded clip of 8 kHz mu-law,
//! made once by `scripts/make-clips`. A text without a clip is an error unless a [`Fallback`] is
//! asked for, so a simulated call cannot pass on audio that nobody could have understood.
//!
//! ```
//! use voicecall_sim::clips::Library;
//!
//! let speech = Library::bundled().voice("caller", "Ja, det går bra. Vänta lite.")?;
//! assert_eq!(speech.words[0].text, "Ja,");
//! assert!(Library::bundled().voice("caller", "Detta har ingen sagt.").is_err());
//! # Ok::<(), voicecall_sim::clips::NoClip>(())
//! ```

mod bundled;
mod clip;
mod fallback;
mod index;
mod library;
mod speech;
mod stand_in;

pub use clip::{Clip, Word};
pub use fallback::{Espeak, Fallback};
pub use library::Library;
pub use speech::{NoClip, Speech, sentences};

/// Samples per second of every clip.
pub const RATE: usize = 8_000;
