//! How the emulated account is set up, and what nobody has confirmed of the protocol.

use std::time::Duration;

use super::ElksNumber;
use crate::fault::FaultPlan;
use crate::phone::Network;

/// An account at the emulated carrier. Its credentials are made up for a test and no secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ElksOptions {
    /// The API username.
    pub username: String,
    /// The API password.
    pub password: String,
    /// The account's numbers, the websocket number among them.
    pub numbers: Vec<ElksNumber>,
    /// The protocol where it is not documented.
    pub unconfirmed: Unconfirmed,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// The way from the application to the phone.
    pub to_phone: Network,
    /// The way from the phone to the application.
    pub to_app: Network,
    /// How much audio may wait to be played, in bytes; more ends the call with an error. 46elks's value: 30 MB.
    pub buffer: u64,
    /// How long a call rings if its order does not say.
    pub rings: Duration,
    /// How long a text takes from one status to the next.
    pub text_step: Duration,
    /// Numbers to which no text can be delivered.
    pub unreachable: Vec<String>,
    /// Numbers of Sweden that nobody has yet, which are given to whoever buys one, the first one first.
    pub unallocated: Vec<String>,
    /// When a report that was not taken is told again, and how often. 46elks's values are some minutes.
    pub reports_again: (Duration, u32),
}

impl ElksOptions {
    /// An account with these credentials and numbers, where nothing goes wrong.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>, numbers: Vec<ElksNumber>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            numbers,
            unconfirmed: Unconfirmed::default(),
            faults: FaultPlan::default(),
            to_phone: Network::default(),
            to_app: Network::default(),
            buffer: 30_000_000,
            rings: Duration::from_secs(60),
            text_step: Duration::from_millis(500),
            unreachable: Vec::new(),
            unallocated: Vec::new(),
            reports_again: (Duration::from_secs(300), 5),
        }
    }
}

/// In which field a websocket number holds its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketField {
    /// `websocket_url`, as the documentation says.
    WebsocketUrl,
    /// `voice_start`, as the tutorial says. Another field is refused.
    VoiceStart,
}

/// What the documentation leaves open, each to be had both ways. A client has to be right with any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unconfirmed {
    /// Whether the `next` of a `connect` to the websocket number is asked for when the socket has said `bye`.
    pub next_after_socket: bool,
    /// Whether it is when the socket broke; the call ends otherwise.
    pub next_after_loss: bool,
    /// Whether syncs that an `interrupt` has overtaken are answered.
    pub answers_overtaken_syncs: bool,
    /// How many frames of 20 ms one message of the caller's audio holds.
    pub frames_per_message: usize,
    /// Whether JSON has spaces behind commas and colons.
    pub spaced_json: bool,
    /// Where a websocket number holds its address.
    pub socket_field: SocketField,
    /// The result when nobody pressed a key.
    pub no_keys_result: &'static str,
    /// The field that names the call in questions.
    pub call_field: &'static str,
    /// Whether a call to a busy phone is in the state `busy`, or in `failed` like all others.
    pub tells_busy: bool,
    /// Whether errors are JSON with the sentence in `error`.
    pub json_errors: bool,
    /// How much later than the report a call's end, or a text's status, shows in the REST interface.
    pub rest_lags: Duration,
    /// Whether the caller's number is left out, or is `anonymous`, if it is withheld.
    pub names_anonymous: bool,
    /// Whether it is told that a text was passed on, and not only what became of it.
    pub tells_sent: bool,
    /// Whether MMS are listed, or have no list.
    pub lists_mms: bool,
    /// Whether a picture comes with its type, or as bytes of no type.
    pub types_images: bool,
}

impl Default for Unconfirmed {
    /// As the documentation has it, or as seems likely.
    fn default() -> Self {
        Self {
            next_after_socket: true,
            next_after_loss: true,
            answers_overtaken_syncs: true,
            frames_per_message: 1,
            spaced_json: false,
            socket_field: SocketField::WebsocketUrl,
            no_keys_result: "failed",
            call_field: "callid",
            tells_busy: false,
            json_errors: false,
            rest_lags: Duration::ZERO,
            names_anonymous: false,
            tells_sent: true,
            lists_mms: true,
            types_images: true,
        }
    }
}

impl Unconfirmed {
    /// The other way in every point.
    #[must_use]
    pub fn otherwise() -> Self {
        Self {
            next_after_socket: false,
            next_after_loss: false,
            answers_overtaken_syncs: false,
            frames_per_message: 3,
            spaced_json: true,
            socket_field: SocketField::VoiceStart,
            no_keys_result: "",
            call_field: "id",
            tells_busy: true,
            json_errors: true,
            rest_lags: Duration::from_millis(300),
            names_anonymous: true,
            tells_sent: false,
            lists_mms: false,
            types_images: false,
        }
    }
}
