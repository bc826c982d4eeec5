//! One call: the machine that decides, its inputs and outputs, and the runner that carries them.
//!
//! ```text
//! inputs : Media  Ear  Token  Speech  Stored  Failed  Dialogue(action)  Tick
//! machine: turn + playout + heard ledger + gate of consent + clocks of silence + spending
//! outputs: Send  Start  Hear  Finish  Cancel  Journal  Tell  Record  Effect
//! ```

mod conversation;
mod ear;
mod exchange;
mod gate;
mod heard;
mod io;
mod latency;
mod line_clock;
mod machine;
mod mind;
mod mouth;
mod ops;
mod playout;
mod recording;
mod runner;
mod settings;
mod spending;
mod turn;
mod waiting;

pub use conversation::{CallLogic, Conversation};
pub use exchange::Exchange;
pub use heard::{HeardText, split as split_heard};
pub use io::{Effect, Input, InputEvent, Output};
pub use latency::TurnLatency;
pub use machine::CallMachine;
pub use playout::{Finished, Playout, Progress, SpeechId};
pub use recording::{InputRecorder, Replayed, replay};
pub use runner::{CallEnd, CallRunner, CallSink, MediaSocket, NoSink};
pub use settings::{CallSettings, Patience, PreparedSpeech};
pub use turn::{Spoken, Turn, TurnEvent, TurnSettings};
