//! The single steps of a call, one family a file.

mod converse;
mod dial;
mod gather;
mod hold;
mod name;
mod record;
mod speak;
mod stream;

pub use converse::{Converse, ConverseSettings, InterruptedBy};
pub use dial::{Dial, DialNumber, DialOrder};
pub use gather::{Gather, GatherInput, Prompt, SpeechEnd, WithoutInput};
pub use hold::Hold;
pub use name::{HoldName, RecordingName};
pub use record::{RecordCall, RecordMessage, RecordingChannels, StartRecording};
pub use speak::{Play, Repeat, Say};
pub use stream::StreamTarget;
