//! The instructions of a call and what they say.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Method;

/// An address with the method it is asked by.
pub type Address = (String, Method);

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// `<Connect><Stream>`.
    Connect(StreamVerb),
    /// `<Connect><ConversationRelay>`.
    Relay(RelayVerb),
    /// `<Redirect>`: ask this address, absolute or relative to the document's.
    Redirect {
        /// The address.
        url: String,
        /// `POST` unless told otherwise.
        method: Method,
    },
    /// `<Hangup>`.
    Hangup,
    /// `<Say>`.
    Say {
        /// The text, with surrounding white space removed.
        text: String,
        /// Its BCP 47 language, `en-US` unless told otherwise.
        language: String,
        /// How often.
        times: u32,
    },
    /// `<Play>` of a file.
    Play {
        /// The file's address.
        url: String,
        /// How often.
        times: u32,
    },
    /// `<Play digits>`: keys and pauses.
    Press(String),
    /// `<Pause>`.
    Pause(Duration),
    /// `<Gather>`.
    Gather(GatherVerb),
    /// `<Dial>` with numbers.
    Dial(DialVerb),
    /// `<Dial><Queue>`: take over who waits longest.
    Join {
        /// The queue.
        queue: String,
        /// Asked afterwards.
        action: Option<Address>,
        /// How long to wait for somebody who waits.
        timeout: Duration,
    },
    /// `<Enqueue>`: wait for somebody who takes over.
    Enqueue {
        /// The queue.
        queue: String,
        /// Asked afterwards.
        action: Option<Address>,
        /// Asked for what is heard meanwhile.
        wait_url: Option<Address>,
    },
    /// `<Leave>`: end the wait.
    Leave,
    /// `<Record>`.
    Record(RecordVerb),
    /// `<Start><Recording>`.
    StartRecording {
        /// Its name, if it has one.
        name: Option<String>,
        /// How it is made.
        settings: RecordingSettings,
    },
    /// `<Stop><Recording>`.
    StopRecording {
        /// Which.
        name: String,
    },
    /// `<Reject>`.
    Reject {
        /// Whether the caller hears that the line is busy, instead of that the number is not in service.
        busy: bool,
    },
}

/// What `<Stream>` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamVerb {
    /// The socket's address, as written.
    pub url: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where to report on the stream, and how.
    pub status_callback: Option<Address>,
    /// `<Parameter>` names and values.
    pub parameters: BTreeMap<String, String>,
}

/// What `<ConversationRelay>` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayVerb {
    /// The socket's address, as written.
    pub url: String,
    /// Asked afterwards; the next instruction follows if absent.
    pub action: Option<Address>,
    /// The language that is spoken and understood.
    pub language: String,
    /// What is said first.
    pub greeting: Option<String>,
    /// Whether keys, and whether speech, interrupt what is being said.
    pub interrupted_by: (bool, bool),
    /// Whether keys are reported.
    pub reports_keys: bool,
    /// `<Parameter>` names and values.
    pub parameters: BTreeMap<String, String>,
}

/// What `<Gather>` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GatherVerb {
    /// Whether keys are taken.
    pub keys: bool,
    /// Whether words are taken.
    pub speech: bool,
    /// Asked with the input; the document's own address if absent.
    pub action: Option<Address>,
    /// How long to wait for input.
    pub timeout: Duration,
    /// How long a silence ends what is said.
    pub speech_timeout: Duration,
    /// How many keys end the input.
    pub num_digits: Option<u32>,
    /// The key that does.
    pub finish_on_key: Option<char>,
    /// The language of what is said.
    pub language: String,
    /// Whether the address is asked also without input.
    pub action_on_empty: bool,
    /// `<Say>`, `<Play>` and `<Pause>` in it.
    pub prompts: Vec<Verb>,
}

/// What `<Dial>` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DialVerb {
    /// Whom to call.
    pub numbers: Vec<NumberNoun>,
    /// Asked afterwards; the next instruction follows if absent.
    pub action: Option<Address>,
    /// How long it rings.
    pub timeout: Duration,
    /// When the connection is ended.
    pub time_limit: Option<Duration>,
    /// The number shown.
    pub caller_id: Option<String>,
    /// Whether an incoming call is answered only when a leg is.
    pub answer_on_bridge: bool,
    /// Whether the numbers ring one after the other.
    pub sequential: bool,
    /// Whether it is recorded from the answer on.
    pub record: Option<RecordingSettings>,
}

/// What `<Number>` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberNoun {
    /// The number.
    pub number: String,
    /// Keys pressed after the answer.
    pub send_digits: Option<String>,
    /// Asked for what happens on the leg before it is connected.
    pub url: Option<Address>,
    /// Where its progress is reported, and which.
    pub status_callback: Option<(Address, Vec<String>)>,
}

/// What `<Record>` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordVerb {
    /// Asked afterwards; the document's own address if absent.
    pub action: Option<Address>,
    /// The longest message.
    pub max_length: Duration,
    /// How long a silence ends it.
    pub timeout: Duration,
    /// Keys that end it.
    pub finish_on_keys: String,
    /// Whether a beep precedes it.
    pub beep: bool,
    /// How it is made.
    pub settings: RecordingSettings,
}

/// How a recording is made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordingSettings {
    /// Whether each side has a channel of its own.
    pub dual: bool,
    /// Whether silence at both ends is cut off.
    pub trim: bool,
    /// Where it is reported, and which of `in-progress`, `completed`, `absent`.
    pub callback: Option<(Address, Vec<String>)>,
}
