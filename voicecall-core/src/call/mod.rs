//! One call: the machine that decides, its inputs and outputs, and the runner that carries them.

mod io;
mod latency;

pub use io::{Effect, Input, InputEvent, Output};
pub use latency::TurnLatency;
