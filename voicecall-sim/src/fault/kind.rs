//! What can go wrong, and where.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::{optional, required};
use serde::{Deserialize, Serialize};

/// A place at which a fault may strike. Its serialised form is the name in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Site {
    /// `"rest.create"`: the order to place a call, or to send a message.
    #[serde(rename = "rest.create")]
    RestCreate,
    /// `"rest.fetch"`: reading one call or message, or a list of them.
    #[serde(rename = "rest.fetch")]
    RestFetch,
    /// `"rest.update"`: ending or redirecting a call.
    #[serde(rename = "rest.update")]
    RestUpdate,
    /// `"webhook.voice"`: the carrier's question what to do with a call.
    #[serde(rename = "webhook.voice")]
    WebhookVoice,
    /// `"webhook.status"`: the carrier's report on a call, a stream or a message, and a message that came in.
    #[serde(rename = "webhook.status")]
    WebhookStatus,
    /// `"media.socket"`: the socket that carries a call's audio; drawn once per socket.
    #[serde(rename = "media.socket")]
    MediaSocket,
    /// `"openai.chat"`: a language model's reply.
    #[serde(rename = "openai.chat")]
    OpenaiChat,
    /// `"openai.speech"`: text to speech.
    #[serde(rename = "openai.speech")]
    OpenaiSpeech,
    /// `"openai.transcription"`: speech to text.
    #[serde(rename = "openai.transcription")]
    OpenaiTranscription,
    /// `"openai.realtime"`: the socket of a model that hears and speaks; drawn once per socket.
    #[serde(rename = "openai.realtime")]
    OpenaiRealtime,
    /// `"openai.realtime.response"`: a response in such a socket, whose steps count as the frames of a socket.
    #[serde(rename = "openai.realtime.response")]
    OpenaiRealtimeResponse,
    /// `"openai.realtime.transcription"`: what the caller says in such a socket, written down.
    #[serde(rename = "openai.realtime.transcription")]
    OpenaiRealtimeTranscription,
    /// `"deepgram.listen"`: live speech to text; drawn once per socket.
    #[serde(rename = "deepgram.listen")]
    DeepgramListen,
}

/// One thing that goes wrong. Durations are written like `"300ms"` or `"1m 30s"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The answer comes late by `delay` and a random part of `jitter`. [`Faults::draw`](super::Faults::draw)
    /// has already added the jitter to the delay.
    Latency {
        /// The least delay.
        #[serde(with = "required")]
        delay: Duration,
        /// The most that chance adds.
        #[serde(default, with = "required")]
        jitter: Duration,
    },
    /// Everything stops for a while and then goes on: an answer in the middle, a socket at frame `at_frame`.
    Stall {
        /// How long nothing moves.
        #[serde(with = "required")]
        length: Duration,
        /// At which 20 ms frame of a socket it begins.
        #[serde(default)]
        at_frame: u64,
    },
    /// The request is lost before anything was done: the connection closes without an answer.
    DropBefore,
    /// The request is carried out, but its answer is lost: the connection closes.
    AcceptThenDrop,
    /// The answer is an HTTP error.
    Error {
        /// The HTTP status, 400 to 599.
        status: u16,
        /// Whether the request is carried out all the same.
        #[serde(default)]
        accepted: bool,
    },
    /// HTTP 429; nothing is done.
    RateLimit {
        /// The `Retry-After` header, in whole seconds, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
        retry_after: Option<Duration>,
    },
    /// The socket is reset (TCP RST) at a frame.
    Reset {
        /// The 20 ms frame, counted from the socket's first.
        at_frame: u64,
    },
    /// The socket's connection ends (TCP FIN) at a frame, without a closing handshake.
    Close {
        /// The 20 ms frame, counted from the socket's first.
        at_frame: u64,
    },
    /// From a frame on nothing passes in either direction, and nobody is told.
    HalfOpenSocket {
        /// The 20 ms frame, counted from the socket's first.
        at_frame: u64,
    },
    /// The message arrives this many more times.
    Duplicate {
        /// Additional deliveries, at least 1.
        times: u32,
    },
    /// The message arrives after its successor; of a socket, audio comes before the start.
    OutOfOrder,
    /// The message arrives this much later, long after others.
    Late {
        /// How late.
        #[serde(with = "required")]
        delay: Duration,
    },
}

impl Site {
    /// Whether a fault of this kind can happen here.
    #[must_use]
    pub const fn admits(self, fault: &Fault) -> bool {
        use Fault as F;
        match self {
            Self::RestCreate | Self::RestFetch | Self::RestUpdate => matches!(
                fault,
                F::Latency { .. }
                    | F::Stall { .. }
                    | F::DropBefore
                    | F::AcceptThenDrop
                    | F::Error { .. }
                    | F::RateLimit { .. }
            ),
            Self::WebhookVoice => {
                matches!(fault, F::Latency { .. } | F::DropBefore | F::AcceptThenDrop | F::Duplicate { .. })
            }
            Self::WebhookStatus => matches!(
                fault,
                F::Latency { .. }
                    | F::DropBefore
                    | F::AcceptThenDrop
                    | F::Duplicate { .. }
                    | F::OutOfOrder
                    | F::Late { .. }
            ),
            Self::MediaSocket => matches!(
                fault,
                F::Latency { .. }
                    | F::Stall { .. }
                    | F::DropBefore
                    | F::Reset { .. }
                    | F::Close { .. }
                    | F::HalfOpenSocket { .. }
                    | F::OutOfOrder
            ),
            Self::DeepgramListen => !matches!(fault, F::Duplicate { .. } | F::OutOfOrder | F::Late { .. }),
            Self::OpenaiRealtime => {
                !matches!(fault, F::Duplicate { .. } | F::OutOfOrder | F::Late { .. } | F::Reset { .. })
            }
            Self::OpenaiRealtimeTranscription => matches!(
                fault,
                F::Latency { .. } | F::Stall { .. } | F::Error { .. } | F::RateLimit { .. } | F::HalfOpenSocket { .. }
            ),
            Self::OpenaiChat | Self::OpenaiSpeech | Self::OpenaiTranscription | Self::OpenaiRealtimeResponse => {
                !matches!(
                    fault,
                    F::Duplicate { .. } | F::OutOfOrder | F::Late { .. } | F::Reset { .. } | F::Close { .. }
                )
            }
        }
    }
}
