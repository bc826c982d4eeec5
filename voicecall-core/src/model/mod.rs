//! The AI services behind agents: one small trait each for hearing, thinking and speaking, and one for a model that does all
//! three.
//!
//! The three return streams. Dropping a stream cancels the work.

mod breaker;
mod language;
mod object;
mod realtime;
mod speech;
mod speech_cache;
mod timeouts;
mod transcription;

pub use breaker::{Breaker, CONNECTION_LOST, SERVICE_FAILING, ServiceHealth, Trust};
pub use language::{
    ChatDelta, ChatMessage, ChatRequest, ChatRole, LanguageModel, OutputSchema, SoundUsage, TokenUsage, ToolCall,
    ToolSpec,
};
pub use object::json_object;
pub use realtime::{
    ItemId, RealtimeCommand, RealtimeConnection, RealtimeEvent, RealtimeEvents, RealtimeItem, RealtimeModel,
    RealtimeOptions, RealtimeSender,
};
pub use speech::{SpeechChunk, SpeechOptions, TextToSpeech, WordTiming};
pub use speech_cache::SpeechCache;
pub use timeouts::{AnswerTimeouts, Timeouts};
pub use transcription::{SpeechToText, Transcript, TranscriptionOptions};

/// A stream of results that owns all it needs.
pub type ResultStream<T> = futures_core::stream::BoxStream<'static, crate::Result<T>>;
