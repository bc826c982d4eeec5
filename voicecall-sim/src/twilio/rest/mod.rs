//! The REST API as a pure function: a request and the time in, a reply out.

mod conversations;
mod create;
mod list;
mod messages;
mod numbers;
mod product;
mod recordings;
mod transcriptions;
mod transcripts;
mod update;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;
use voicecall_core::CallTime;

use self::messages::MessageOperation;
use self::numbers::NumberOperation;
use self::recordings::RecordingOperation;
use self::transcriptions::TranscriptionOperation;
use super::{Exchange, LogEvent, Method, json};
use crate::fault::{Fault, Site};
pub use crate::rest_server::RestRequest;

/// The carrier's reply.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestReply {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The `Retry-After` header.
    pub retry_after: Option<Duration>,
    /// The body: JSON, a recording's audio, or a medium of a message.
    pub body: Vec<u8>,
    /// What becomes of the reply.
    pub delivery: Delivery,
}

impl RestReply {
    /// The refusal of a request because too many are being answered. Nothing was done.
    #[must_use]
    pub fn too_many() -> Self {
        refused(&Refusal::new(429, 20429, "Too many requests"))
    }
}

/// What becomes of a reply on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives at once.
    Now,
    /// It arrives later.
    After(Duration),
    /// It never arrives: the connection closes.
    Lost,
}

/// What an operation refuses a request with.
#[derive(Debug)]
struct Refusal {
    status: u16,
    code: u32,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn not_found(path: &str) -> Self {
        Self::new(404, 20404, format!("The requested resource {path} was not found"))
    }
}

type Answered = Result<(u16, Option<Value>), Refusal>;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Account,
    Create,
    List,
    Fetch(usize),
    Update(usize),
    Delete(usize),
    Recordings(RecordingOperation),
    Search,
    Numbers(NumberOperation),
    Messages(MessageOperation),
    Transcriptions(TranscriptionOperation),
    /// One of the newer interfaces, whose addresses name no account.
    Product(Site),
}

impl Operation {
    const fn site(self) -> Site {
        match self {
            Self::Create => Site::RestCreate,
            Self::Account | Self::List | Self::Fetch(_) | Self::Search => Site::RestFetch,
            Self::Update(_) | Self::Delete(_) => Site::RestUpdate,
            Self::Recordings(operation) => operation.site(),
            Self::Numbers(operation) => operation.site(),
            Self::Messages(operation) => operation.site(),
            Self::Transcriptions(operation) => operation.site(),
            Self::Product(site) => site,
        }
    }
}

impl Exchange {
    /// Answers a REST request.
    pub fn rest(&mut self, now: CallTime, request: &RestRequest) -> RestReply {
        self.advance(now);
        let reply = self.reply(now, request);
        let lost = reply.delivery == Delivery::Lost;
        let (method, path) = (request.method.clone(), request.path.clone());
        self.note(now, None, LogEvent::Rest { method, path, status: reply.status, lost });
        reply
    }

    fn reply(&mut self, now: CallTime, request: &RestRequest) -> RestReply {
        // Without the ending the carrier speaks XML, which nobody here reads: better a clear no than a surprise.
        let is_file = recordings::is_audio(&request.path) || messages::is_medium(&request.path);
        if request.path.starts_with("/2010-04-01/") && !request.path.ends_with(".json") && !is_file {
            let body =
                "<TwilioResponse><RestException><Code>20404</Code><Message>The simulator speaks JSON only: append \
                 .json to the path</Message><Status>404</Status></RestException></TwilioResponse>"
                    .into();
            return RestReply { content_type: "application/xml", ..plain(404, body) };
        }
        let (account, operation) = match self.route(request) {
            Ok(route) => route,
            Err(refusal) => return refused(&refusal),
        };
        match self.draw(now, None, operation.site()) {
            Some(Fault::DropBefore) => RestReply { delivery: Delivery::Lost, ..plain(503, Vec::new()) },
            Some(Fault::RateLimit { retry_after }) => RestReply { retry_after, ..RestReply::too_many() },
            Some(Fault::Error { status, accepted }) => {
                if accepted {
                    self.carry_out(now, account, operation, request);
                }
                refused(&Refusal::new(status, 20500, "Internal server error"))
            }
            Some(Fault::AcceptThenDrop) => {
                RestReply { delivery: Delivery::Lost, ..self.carry_out(now, account, operation, request) }
            }
            Some(Fault::Latency { delay, .. } | Fault::Stall { length: delay, .. }) => {
                RestReply { delivery: Delivery::After(delay), ..self.carry_out(now, account, operation, request) }
            }
            _ => self.carry_out(now, account, operation, request),
        }
    }

    fn carry_out(&mut self, now: CallTime, account: usize, operation: Operation, request: &RestRequest) -> RestReply {
        let answered = match operation {
            Operation::Product(_) if product::is_file(request) => return self.media_file(account, &request.path),
            Operation::Transcriptions(operation) => self.transcriptions_request(now, operation, request),
            Operation::Product(_) => self.product_request(now, account, request),
            Operation::Recordings(RecordingOperation::Audio(recording)) => {
                return self.audio(recording, &request.query);
            }
            Operation::Recordings(operation) => self.recordings_request(now, operation, request),
            Operation::Messages(MessageOperation::File(message, place)) => return self.medium(message, place),
            Operation::Messages(operation) => self.messages_request(now, account, operation, request),
            Operation::Numbers(operation) => self.numbers_request(account, operation, request),
            Operation::Search => self.search_for(request),
            Operation::Account => Ok((200, Some(json::account(self, &self.options.accounts[account])))),
            Operation::Create => self.create(now, account, &Fields(&request.form)),
            Operation::List => self.list(account, &request.path, &request.query),
            Operation::Fetch(call) => Ok((200, Some(json::call(self, &self.calls[call])))),
            Operation::Update(call) => self.update(now, call, &Fields(&request.form)),
            Operation::Delete(call) => self.delete(call),
        };
        match answered {
            Ok((status, body)) => plain(status, body.map(|body| body.to_string().into_bytes()).unwrap_or_default()),
            Err(refusal) => refused(&refusal),
        }
    }

    /// Who asks, and for what.
    fn route(&self, request: &RestRequest) -> Result<(usize, Operation), Refusal> {
        if product::is_product(&request.path) {
            let account = self.signed_in(request.authorization.as_deref());
            let account = account.ok_or_else(|| Refusal::new(401, 20003, "Authenticate"))?;
            return Ok((account, Operation::Product(product::site(request))));
        }
        let path = request.path.trim_end_matches(".json").trim_end_matches(".wav");
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let ["2010-04-01", "Accounts", sid, rest @ ..] = segments.as_slice() else {
            return Err(Refusal::not_found(&request.path));
        };
        let account = self
            .authenticated(sid, request.authorization.as_deref())
            .ok_or_else(|| Refusal::new(401, 20003, "Authenticate"))?;
        let operation = match (request.method.as_str(), rest) {
            ("GET", []) => Operation::Account,
            ("POST", ["Calls"]) => Operation::Create,
            ("GET", ["Calls"]) => Operation::List,
            ("GET", ["Calls", call]) => Operation::Fetch(self.known(account, call, request)?),
            ("POST", ["Calls", call]) => Operation::Update(self.known(account, call, request)?),
            ("DELETE", ["Calls", call]) => Operation::Delete(self.known(account, call, request)?),
            (method, ["Calls", call, "Transcriptions", rest @ ..]) => {
                let call = self.known(account, call, request)?;
                Operation::Transcriptions(self.transcriptions_of_call(call, method, rest, request)?)
            }
            (method, ["Recordings", recording, "Transcriptions", rest @ ..]) => {
                let recording = Some(*recording);
                Operation::Transcriptions(self.transcriptions_of_account(account, recording, method, rest, request)?)
            }
            (method, ["Transcriptions", rest @ ..]) => {
                Operation::Transcriptions(self.transcriptions_of_account(account, None, method, rest, request)?)
            }
            (method, ["Calls", call, "Recordings", rest @ ..]) => {
                let call = self.known(account, call, request)?;
                Operation::Recordings(self.recordings_of_call(call, method, rest, request)?)
            }
            (method, ["Recordings", rest @ ..]) => {
                Operation::Recordings(self.recordings_of_account(account, method, rest, request)?)
            }
            ("GET", ["AvailablePhoneNumbers", _, "Local" | "Mobile" | "National" | "TollFree"]) => Operation::Search,
            (method, ["IncomingPhoneNumbers", rest @ ..]) => {
                Operation::Numbers(self.numbers_of(account, method, rest, request)?)
            }
            (method, ["Messages", rest @ ..]) => Operation::Messages(self.messages_of(account, method, rest, request)?),
            (_, [] | ["Calls"] | ["Calls", _]) => return Err(Refusal::new(405, 20004, "Method not allowed")),
            _ => return Err(Refusal::not_found(&request.path)),
        };
        Ok((account, operation))
    }

    fn authenticated(&self, sid: &str, authorization: Option<&str>) -> Option<usize> {
        let (user, password) = credentials(authorization)?;
        let accounts = &self.options.accounts;
        let asked = accounts.iter().position(|account| account.sid == sid)?;
        let key = accounts[asked].api_keys.iter().any(|key| key.sid == user && key.secret == password);
        // An account signs in for itself and for its sub-accounts.
        let may_act = user == sid || accounts[asked].parent.as_deref() == Some(&user);
        let signs_in = || accounts.iter().any(|account| account.sid == user && account.auth_token == password);
        (key || (may_act && signs_in())).then_some(asked)
    }

    /// Who signs in, where the address names no account.
    fn signed_in(&self, authorization: Option<&str>) -> Option<usize> {
        let (user, password) = credentials(authorization)?;
        self.options.accounts.iter().position(|account| {
            (account.sid == user && account.auth_token == password)
                || account.api_keys.iter().any(|key| key.sid == user && key.secret == password)
        })
    }

    fn known(&self, account: usize, sid: &str, request: &RestRequest) -> Result<usize, Refusal> {
        let call = self.calls_by_sid.get(sid).copied();
        call.filter(|&call| self.calls[call].account == account && !self.calls[call].deleted)
            .ok_or_else(|| Refusal::not_found(&request.path))
    }
}

fn credentials(authorization: Option<&str>) -> Option<(String, String)> {
    let (scheme, credentials) = authorization?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    credentials.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

fn plain(status: u16, body: Vec<u8>) -> RestReply {
    RestReply { status, content_type: "application/json", retry_after: None, body, delivery: Delivery::Now }
}

fn refused(refusal: &Refusal) -> RestReply {
    plain(refusal.status, json::error(refusal.status, refusal.code, &refusal.message).to_string().into_bytes())
}

/// The fields of a form.
struct Fields<'a>(&'a [(String, String)]);

impl<'a> Fields<'a> {
    /// The first value of that name that is not empty.
    fn get(&self, name: &str) -> Option<&'a str> {
        self.all(name).find(|value| !value.is_empty())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// An address with its method, `POST` unless another field says otherwise.
    fn address(&self, name: &str, code: u32, loopback: bool) -> Result<Option<(String, Method)>, Refusal> {
        let Some(url) = self.get(name) else { return Ok(None) };
        if !is_web_address(url, loopback) {
            return Err(Refusal::new(400, code, format!("{name} is not a valid URL: {url}")));
        }
        let field = if name == "Url" { "Method".to_owned() } else { format!("{}Method", name.trim_end_matches("Url")) };
        let method = match self.get(&field) {
            None => Method::Post,
            Some(name) => Method::from_name(name)
                .ok_or_else(|| Refusal::new(400, 20001, format!("{field} must be GET or POST")))?,
        };
        Ok(Some((url.to_owned(), method)))
    }

    /// A number, or the default if there is none.
    fn number(&self, name: &str, default: usize) -> Result<usize, Refusal> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| Refusal::new(400, 20001, format!("{name} must be a number"))),
        }
    }

    /// A whole number of seconds within bounds.
    fn seconds(&self, name: &str, most: u64) -> Result<Option<Duration>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse() {
            Ok(seconds) if (1..=most).contains(&seconds) => Ok(Some(Duration::from_secs(seconds))),
            _ => Err(Refusal::new(400, 20001, format!("{name} must be 1 to {most} seconds"))),
        }
    }
}

/// Whether the carrier could reach an address: public, and its host without underscores.
fn is_web_address(text: &str, loopback: bool) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let host = url.host_str().unwrap_or_default();
    matches!(url.scheme(), "http" | "https")
        && !host.contains('_')
        && if is_loopback(&url) { loopback } else { host.contains('.') }
}

/// Whether an address is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
