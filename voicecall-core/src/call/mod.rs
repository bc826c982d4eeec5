//! One call: the machine that decides, its inputs and outputs, and the runner that carries them.
//!
//! ```text
//! inputs : Media  Text  Transcript  Token  Segment  Speech  ToolResult  Stored  Failed  Dialogue(action)  Tick
//! machine: turn + playout + heard ledger + consent gate + silence timers + budget
//! outputs: Send  SendText  Start  Hear  Finish  Cancel  CallTool  Journal  Notify  Record  Effect
//! ```

mod budget_guard;
mod consent_gate;
mod conversation;
mod ending;
mod exchange;
mod heard;
mod io;
mod kept_audio;
mod latency;
mod line_clock;
mod line_state;
mod llm_requests;
mod machine;
mod ops;
mod playout;
mod recording;
mod runner;
mod settings;
mod silence_timers;
mod socket_codec;
mod speech_queue;
mod text_machine;
mod text_queue;
mod tool_calls;
mod tool_tasks;
mod transcriber;
mod transfer;
mod turn;

pub use conversation::{CallLogic, Conversation, Machine};
pub use exchange::Exchange;
pub use heard::{HeardText, split as split_heard};
pub use io::{Effect, Failure, Input, InputEvent, Output};
pub use latency::TurnLatency;
pub use machine::CallMachine;
pub use playout::{Finished, Playout, Progress, SpeechId};
pub use recording::{InputRecorder, Replayed, replay};
pub use runner::{CallEnd, CallRunner, CallSink, MediaSocket, NoSink};
pub use settings::{CallSettings, Keep, PreparedSpeech, Timeouts};
pub use socket_codec::SocketCodec;
pub use text_machine::TextMachine;
pub use turn::{Spoken, Turn, TurnEvent, TurnSettings};
