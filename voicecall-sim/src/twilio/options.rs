//! How an exchange is set up.

use std::time::Duration;

use jiff::Timestamp;

use super::{MessagingOptions, Method};
use crate::fault::FaultPlan;
use crate::phone::PhoneOptions;

/// An account. Its credentials are made up for a test and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `AC` and 32 hexadecimal digits.
    pub sid: String,
    /// Authenticates requests and signs webhooks.
    pub auth_token: String,
    /// Further credentials for requests; they sign nothing.
    pub api_keys: Vec<ApiKey>,
    /// The account this one is a sub-account of; its auth token authenticates requests as well, and signs nothing here.
    pub parent: Option<String>,
    /// The account's numbers. Calls may be placed from these only.
    pub numbers: Vec<Number>,
}

impl Account {
    /// An account without API keys.
    #[must_use]
    pub fn new(sid: impl Into<String>, auth_token: impl Into<String>, numbers: Vec<Number>) -> Self {
        Self { sid: sid.into(), auth_token: auth_token.into(), api_keys: Vec::new(), parent: None, numbers }
    }

    /// The same as a sub-account of another.
    #[must_use]
    pub fn under(mut self, parent: impl Into<String>) -> Self {
        self.parent = Some(parent.into());
        self
    }
}

/// An API key of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// `SK` and 32 hexadecimal digits.
    pub sid: String,
    /// Its secret.
    pub secret: String,
}

/// A number the account owns, and what happens when it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// In E.164.
    pub number: String,
    /// Where to ask what to do with an incoming call; without it, it is refused.
    pub voice_url: Option<(String, Method)>,
    /// Where to report the end of an incoming call.
    pub status_callback: Option<(String, Method)>,
    /// Where to tell of messages that come in, over SMS and over WhatsApp; without it, they are kept only.
    pub sms_url: Option<(String, Method)>,
}

impl Number {
    /// A number that only calls out.
    #[must_use]
    pub fn new(number: impl Into<String>) -> Self {
        Self { number: number.into(), voice_url: None, status_callback: None, sms_url: None }
    }

    /// A number whose incoming messages are told to `url` by `POST`.
    #[must_use]
    pub fn texted_at(mut self, url: impl Into<String>) -> Self {
        self.sms_url = Some((url.into(), Method::Post));
        self
    }

    /// A number whose incoming calls ask `url` by `POST`.
    #[must_use]
    pub fn answered_by(number: impl Into<String>, url: impl Into<String>) -> Self {
        Self { voice_url: Some((url.into(), Method::Post)), ..Self::new(number) }
    }
}

/// A number that nobody has, and that is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberForSale {
    /// In E.164.
    pub number: String,
    /// Two letters, such as `SE`.
    pub country: String,
    /// `Local`, `Mobile`, `National` or `TollFree`.
    pub kind: &'static str,
    /// Whether it takes texts beside calls.
    pub takes_texts: bool,
}

impl NumberForSale {
    /// A number that takes calls and texts.
    #[must_use]
    pub fn new(number: impl Into<String>, country: impl Into<String>, kind: &'static str) -> Self {
        Self { number: number.into(), country: country.into(), kind, takes_texts: true }
    }
}

/// What the carrier does when a media socket breaks instead of being closed. Which one is true is not documented:
/// an application must live with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbruptLoss {
    /// Goes on with the instructions behind `</Connect>`.
    #[default]
    Continue,
    /// Ends the call.
    EndCall,
}

/// How an exchange behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExchangeOptions {
    /// Decides names, jitter and all that chance decides.
    pub seed: u64,
    /// What the calendar says when the exchange opens.
    pub epoch: Timestamp,
    /// The accounts.
    pub accounts: Vec<Account>,
    /// The numbers that are sold.
    pub for_sale: Vec<NumberForSale>,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// What follows a broken media socket.
    pub abrupt_loss: AbruptLoss,
    /// When a connection on which nothing passes is given up.
    pub half_open_after: Duration,
    /// The time between two calls an account dials; more are queued. The carrier's default is one second.
    pub dial_interval: Duration,
    /// How long after the end of a call its price is known. The carrier takes some minutes.
    pub priced_after: Duration,
    /// What becomes of messages.
    pub messaging: MessagingOptions,
    /// Where services of Conversational Intelligence tell that a transcript is there.
    pub transcripts_url: Option<String>,
    /// How every media stream behaves; its seed is mixed with the exchange's.
    pub phone: PhoneOptions,
    /// Whether plain `http` and `ws` addresses on this machine are accepted where the carrier wants public ones.
    pub allow_loopback: bool,
}

impl ExchangeOptions {
    /// A perfect carrier with these accounts, on 1 January 2026.
    #[must_use]
    pub fn new(seed: u64, accounts: Vec<Account>) -> Self {
        Self {
            seed,
            epoch: Timestamp::constant(1_767_225_600, 0),
            accounts,
            for_sale: Vec::new(),
            faults: FaultPlan::default(),
            abrupt_loss: AbruptLoss::default(),
            half_open_after: Duration::from_secs(10),
            dial_interval: Duration::from_secs(1),
            priced_after: Duration::from_secs(180),
            messaging: MessagingOptions::default(),
            transcripts_url: None,
            phone: PhoneOptions::default(),
            allow_loopback: false,
        }
    }
}
