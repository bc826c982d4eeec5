//! What Twilio writes down of calls: while they are on, and of their recordings.
//!
//! - [live](LiveTranscription) transcriptions, which tell of each sentence as it is said (2010 API, `RealtimeTranscription`)
//! - [transcriptions of recordings](RecordingTranscription) that a call's instructions asked for (2010 API, `Transcription`)
//! - [transcripts](Transcript) of recordings with sentences, times and channels (Conversational Intelligence, version 2)
//!
//! The library's own calls need none of them: an agent hears by itself. The words are in no `Debug` of these types.

pub(crate) mod client;
mod event;
mod in_order;
mod live;
mod recording;
mod transcript;

use self::client::TwilioTranscriptions;
pub use self::event::{Speech, Track, TranscriptionEvent, TranscriptionEventKind};
pub use self::in_order::InOrder;
pub use self::live::{Engine, LiveTranscription, StartTranscription, Tracks};
pub use self::recording::{RecordingTranscription, TranscriptionStatus};
pub use self::transcript::{Sentence, Transcript, TranscriptAvailable, TranscriptStatus};
use crate::sid::sids;

sids! {
    /// The name of a live transcription: `GT` and 32 hexadecimal digits.
    LiveTranscriptionSid: "GT", "transcription";
    /// The name of a recording's transcription: `TR` and 32 hexadecimal digits.
    RecordingTranscriptionSid: "TR", "transcription";
    /// The name of a transcript: `GT` and 32 hexadecimal digits.
    TranscriptSid: "GT", "transcript";
    /// The name of a service of Conversational Intelligence: `GA` and 32 hexadecimal digits.
    IntelligenceServiceSid: "GA", "service";
}
