//! Placing a call.

use std::time::Duration;

use voicecall_core::CallTime;

use super::{Answered, Fields, Refusal};
use crate::twilio::call::{Instructions, Progress, StatusCallback};
use crate::twilio::detection::Detection;
use crate::twilio::exchange::Timer;
use crate::twilio::{Direction, Exchange, LogEvent, RecordingSettings, json};

/// The longest document given with the order, in characters.
const LONGEST_TWIML: usize = 4000;

/// Parameters the carrier has and this emulator does not: it says so in the log instead of pretending.
const NOT_EMULATED: [&str; 6] = [
    "ApplicationSid",
    "CallerId",
    "CallReason",
    "CallToken",
    "MachineDetectionSpeechEndThreshold",
    "MachineDetectionSilenceTimeout",
];

impl Exchange {
    pub(super) fn create(&mut self, now: CallTime, account: usize, fields: &Fields<'_>) -> Answered {
        let loopback = self.options.allow_loopback;
        let to = fields.get("To").ok_or_else(|| Refusal::new(400, 21201, "No 'To' number is specified"))?;
        let from = fields.get("From").ok_or_else(|| Refusal::new(400, 21213, "No 'From' number is specified"))?;
        if !is_e164(to) || to == from {
            return Err(Refusal::new(400, 21211, "The phone number you are attempting to call is not valid"));
        }
        if !is_e164(from) {
            return Err(Refusal::new(400, 21212, "The source phone number is not valid"));
        }
        if !self.options.accounts[account].numbers.iter().any(|number| number.number == from) {
            return Err(Refusal::new(400, 21210, "The source phone number is not owned or verified by the account"));
        }
        let instructions = match (fields.address("Url", 21205, loopback)?, fields.get("Twiml")) {
            (Some(address), _) => Instructions::Address(address),
            (None, Some(document)) if document.chars().count() > LONGEST_TWIML => {
                return Err(Refusal::new(400, 20001, "Twiml must not be longer than 4000 characters"));
            }
            (None, Some(document)) => Instructions::Document(document.to_owned()),
            (None, None) => return Err(Refusal::new(400, 21205, "Url parameter is required")),
        };
        let mut call = self.new_call(now, account, to, from, Direction::OutboundApi, instructions);
        call.fallback = fields.address("FallbackUrl", 21205, loopback)?;
        call.status_callback = status_callback(fields, loopback)?;
        call.ring_timeout = fields.seconds("Timeout", 600)?.unwrap_or(Duration::from_secs(60));
        call.digits = fields.get("SendDigits").map(str::to_owned);
        if call.digits.as_ref().is_some_and(|digits| {
            digits.len() > 32 || !digits.chars().all(|digit| "0123456789ABCD#*wW".contains(digit))
        }) {
            return Err(Refusal::new(400, 20001, "SendDigits must be at most 32 keys and pauses"));
        }
        // The carrier ignores detection beside keys.
        call.detection = if call.digits.is_some() { None } else { detection(fields, loopback)? };
        if fields.get("Record") == Some("true") {
            call.record = Some(recording_settings(fields, loopback, true)?);
        }
        call.time_limit = fields.seconds("TimeLimit", 24 * 3600)?.unwrap_or(call.time_limit);

        let index = self.add_call(now, call);
        for name in NOT_EMULATED.into_iter().filter(|name| fields.get(name).is_some()) {
            self.note(now, Some(index), LogEvent::Warning { code: 0, text: format!("{name} is not emulated") });
        }
        let body = json::call(self, &self.calls[index]);
        let at = self.reserve_dial(now, account);
        self.at(at, Timer::Dial(index));
        Ok((201, Some(body)))
    }
}

/// How it is found out who answers, if it is.
fn detection(fields: &Fields<'_>, loopback: bool) -> Result<Option<Detection>, Refusal> {
    let message_end = match fields.get("MachineDetection") {
        None => return Ok(None),
        Some("Enable") => false,
        Some("DetectMessageEnd") => true,
        Some(other) => return Err(Refusal::new(400, 20001, format!("unknown MachineDetection {other}"))),
    };
    let timeout = fields.number("MachineDetectionTimeout", 30)?;
    let threshold = fields.number("MachineDetectionSpeechThreshold", 2400)?;
    if !(3..=59).contains(&timeout) || !(1000..=6000).contains(&threshold) {
        return Err(Refusal::new(400, 20001, "MachineDetection's times are out of range"));
    }
    let address = fields.address("AsyncAmdStatusCallback", 20001, loopback)?;
    Ok(Some(Detection {
        message_end,
        timeout: Duration::from_secs(timeout as u64),
        speech_threshold: Duration::from_millis(threshold as u64),
        in_background: (fields.get("AsyncAmd") == Some("true")).then_some(address),
    }))
}

/// How a recording is made; the carrier's defaults differ from request to request.
pub(super) fn recording_settings(
    fields: &Fields<'_>,
    loopback: bool,
    trims: bool,
) -> Result<RecordingSettings, Refusal> {
    let dual = match fields.get("RecordingChannels") {
        None | Some("mono") => false,
        Some("dual") => true,
        Some(other) => return Err(Refusal::new(400, 20001, format!("unknown RecordingChannels {other}"))),
    };
    let trim = match fields.get("Trim") {
        None => trims,
        Some("trim-silence") => true,
        Some("do-not-trim") => false,
        Some(other) => return Err(Refusal::new(400, 20001, format!("unknown Trim {other}"))),
    };
    let callback = fields.address("RecordingStatusCallback", 20001, loopback)?.map(|address| {
        let events = fields.get("RecordingStatusCallbackEvent").unwrap_or("completed");
        (address, events.split_whitespace().map(str::to_owned).collect())
    });
    Ok(RecordingSettings { dual, trim, callback })
}

/// Where progress is reported, and which; without a list only the end is.
pub(super) fn status_callback(fields: &Fields<'_>, loopback: bool) -> Result<Option<StatusCallback>, Refusal> {
    let Some(address) = fields.address("StatusCallback", 21609, loopback)? else { return Ok(None) };
    let mut events = Vec::new();
    // Repeated fields are documented; lists separated by spaces are common and accepted.
    for name in fields.all("StatusCallbackEvent").flat_map(str::split_whitespace) {
        let event = Progress::from_name(name)
            .ok_or_else(|| Refusal::new(400, 20001, format!("unknown StatusCallbackEvent {name}")))?;
        events.push(event);
    }
    if events.is_empty() {
        events.push(Progress::Completed);
    }
    Ok(Some(StatusCallback { address, events }))
}

/// `+`, a digit that is not 0, and 6 to 14 more.
pub(super) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}
