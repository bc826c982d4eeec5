//! What is said about one call. All of it is plain data, and JSON by serde; times are whole milliseconds since the `start` message.

use serde::Serialize;
use voicecall_core::CallTime;

use crate::phone::IllegalMessage;

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallReport {
    /// Which call it is, from 1.
    pub number: usize,
    /// Its call SID, as the server was told.
    pub call_sid: String,
    /// Its stream SID, as the server was told.
    pub stream_sid: String,
    /// Whether it went as expected, which means that there are no `failures`.
    pub passed: bool,
    /// What did not.
    pub failures: Vec<Failure>,
    /// Whether the server accepted the socket.
    pub connected: bool,
    /// How long that took, from the opening of the connection to the answer.
    pub connect_ms: u64,
    /// How long the stream lasted.
    pub duration_ms: u64,
    /// How it ended.
    pub end: CallEnd,
    /// The agent's first audible sample.
    pub first_audio_ms: Option<u64>,
    /// What the caller said, and how the agent took it.
    pub turns: Vec<CallerTurn>,
    /// Gaps within the agent's utterances: the buffer was dry, and filled again within half a second.
    pub gaps: Vec<SilentGap>,
    /// Marks.
    pub marks: Marks,
    /// How many `clear` messages came.
    pub clears: usize,
    /// The agent's audio, whether or not it can be heard.
    pub audio: Audio,
    /// The agent's speech.
    pub agent: Speech,
    /// Messages that Twilio would refuse, by kind.
    pub protocol_errors: Vec<ProtocolError>,
    /// Messages to the server that were dropped because it did not read: ten seconds of audio already waited.
    pub unread_messages: u64,
    /// How late the simulator itself was at worst. The times are no better than this.
    pub simulator_late_ms: u64,
}

impl CallReport {
    /// A call that is not connected yet.
    pub(super) const fn new(number: usize, call_sid: String, stream_sid: String) -> Self {
        Self {
            number,
            call_sid,
            stream_sid,
            passed: false,
            failures: Vec::new(),
            connected: false,
            connect_ms: 0,
            duration_ms: 0,
            end: CallEnd::Unreachable { reason: String::new() },
            first_audio_ms: None,
            turns: Vec::new(),
            gaps: Vec::new(),
            marks: Marks { sent: 0, returned: 0 },
            clears: 0,
            audio: Audio { received_ms: 0, played_ms: 0, cleared_ms: 0, unplayed_ms: 0, max_buffered_ms: 0 },
            agent: Speech { utterances: 0, speech_ms: 0, transcript: None },
            protocol_errors: Vec::new(),
            unread_messages: 0,
            simulator_late_ms: 0,
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallEnd {
    /// The caller hung up.
    Caller,
    /// The server closed the socket, which gives the call back to Twilio (31921).
    Server {
        /// The WebSocket close code, if it gave one.
        code: Option<u16>,
        /// The reason, if it gave one.
        reason: String,
    },
    /// Nobody ended it in time.
    TimeLimit,
    /// The socket broke (31903), or what came over it was no WebSocket (31924).
    Lost {
        /// Twilio's number of the error.
        error: u32,
        /// What happened.
        reason: String,
    },
    /// The server did not accept the socket (31920).
    Refused {
        /// Its HTTP status; `None` if the answer was no HTTP.
        status: Option<u16>,
        /// What it answered.
        reason: String,
    },
    /// There was no connection (31901).
    Unreachable {
        /// Why.
        reason: String,
    },
}

/// One turn of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallerTurn {
    /// What was said, or the name of the file that was played.
    pub text: String,
    /// Its first audible sample.
    pub from_ms: u64,
    /// The end of its last audible sample.
    pub until_ms: u64,
    /// When the caller's next turn began, or the call ended: so long an answer was waited for.
    pub next_ms: u64,
    /// From the end of the turn to the first audible sample of the agent's answer. Negative if the agent talked over the end of the turn;
    /// `None` if it did not answer.
    pub response_ms: Option<i64>,
    /// What the agent did if it was interrupted.
    pub barge_in: Option<BargeIn>,
}

/// The agent was interrupted. Times are counted from the caller's first audible sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BargeIn {
    /// Until `clear` came; `None` if it did not.
    pub clear_ms: Option<u64>,
    /// Until the agent could not be heard any more; `None` if it spoke to the end of the call.
    pub silent_ms: Option<u64>,
}

/// A gap within an utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SilentGap {
    /// When it began.
    pub at_ms: u64,
    /// How long it was.
    pub length_ms: u64,
}

/// Marks of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Marks {
    /// Marks that it sent.
    pub sent: u64,
    /// Of these, marks that came back to it.
    pub returned: u64,
}

/// The audio that the server sent, as playing time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Audio {
    /// All of it.
    pub received_ms: u64,
    /// What was played.
    pub played_ms: u64,
    /// What `clear` threw away.
    pub cleared_ms: u64,
    /// What was still waiting when the call ended, and was never heard.
    pub unplayed_ms: u64,
    /// The most that ever waited.
    pub max_buffered_ms: u64,
}

/// What could be heard of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Speech {
    /// How many utterances.
    pub utterances: usize,
    /// How long they were, pauses within them included.
    pub speech_ms: u64,
    /// The words, as far as they are of bundled clips; `None` if nobody listened for words, or no clip was heard.
    pub transcript: Option<String>,
}

/// Messages that Twilio would refuse for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProtocolError {
    /// The reason.
    pub kind: IllegalMessage,
    /// Twilio's number of the warning.
    pub code: u32,
    /// How many there were.
    pub count: u64,
    /// When the first came.
    pub first_ms: u64,
}

/// Something that did not go as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// What it is about.
    pub kind: FailureKind,
    /// What happened, in a sentence.
    pub message: String,
}

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The socket did not open.
    NotConnected,
    /// The socket broke.
    ConnectionLost,
    /// The server sent what Twilio refuses.
    ProtocolError,
    /// The agent was never heard.
    NoAudio,
    /// Nobody ended the call in time.
    TimeLimit,
    /// The agent's first sound came late.
    FirstAudio,
    /// An answer came late, or not at all.
    Response,
    /// There was a gap within an utterance.
    Gap,
    /// The agent was not interrupted, or did not stop in time.
    BargeIn,
    /// Words were not heard.
    Hears,
    /// The wrong side ended the call.
    EndedBy,
}

impl FailureKind {
    /// As it stands in JSON and in JUnit's `type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::ConnectionLost => "connection_lost",
            Self::ProtocolError => "protocol_error",
            Self::NoAudio => "no_audio",
            Self::TimeLimit => "time_limit",
            Self::FirstAudio => "first_audio",
            Self::Response => "response",
            Self::Gap => "gap",
            Self::BargeIn => "barge_in",
            Self::Hears => "hears",
            Self::EndedBy => "ended_by",
        }
    }
}

/// Whole milliseconds since the start, rounded.
pub(super) const fn millis(at: CallTime) -> u64 {
    (at.as_micros() + 500) / 1000
}

/// The same to count with.
pub(super) fn signed_millis(at: CallTime) -> i64 {
    i64::try_from(millis(at)).unwrap_or(i64::MAX)
}
