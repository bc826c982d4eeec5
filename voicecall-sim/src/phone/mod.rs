//! One call's media as the carrier sees it: the caller on one side, the application's socket on the other.
//!
//! [`Phone`] plays what the application sends at the pace of a real telephone, tells it what the caller says, and
//! counts what went wrong. It knows time only as an argument, so a call can run in virtual time or on a clock.
//! A carrier's message format is a [`Wire`]; who is on the line is a [`Party`].

mod audible;
mod media;
mod network;
mod parties;
mod party;
mod playout;
mod recorded;
mod sound;
mod stats;
mod wire;

pub(crate) use audible::{audible_range, is_audible};
pub use media::{Phone, PhoneOptions};
pub use network::{Network, Path};
pub use parties::{Automaton, Echo, FixedAudio, HangsUp, PressesKeys, Silent, Tone};
pub use party::{Answer, Answerer, Party, PartyAction, Ring};
pub use playout::Playout;
pub use recorded::{LineRecording, Recorded};
pub(crate) use sound::{Sound, beep};
pub use stats::{Gap, MediaStats};
pub use wire::{AppMessage, IllegalMessage, PhoneMessage, Wire};
