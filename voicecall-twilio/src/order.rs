//! The order to place a call as Twilio's form, or why Twilio would refuse it.

use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;
use voicecall_core::carrier::{DetectionMode, MachineDetection, MachineVerdict, PlaceCall, RecordCall};
use voicecall_core::{Error, Result};

use crate::PROVIDER;
use crate::config::has_underscore;
use crate::overrides::ConnectionOverrides;
use crate::twiml::{RECORDING_EVENTS, channels, trim};

/// How long a phone may ring, a call may last and a detection may take, in seconds.
const RING_SECONDS: RangeInclusive<u64> = 1..=600;
const LIMIT_SECONDS: RangeInclusive<u64> = 1..=86_400;
const DETECTION_SECONDS: RangeInclusive<u64> = 3..=59;

/// The longest reason for a call, in characters.
const LONGEST_REASON: usize = 50;

/// Names and values of a form.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(&'static str, String)>);

impl Form {
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    /// Adds what there is.
    pub(crate) fn add_some(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// An address of ours with its method.
    fn callback(
        &mut self,
        overrides: &ConnectionOverrides,
        names: (&'static str, &'static str),
        field: &'static str,
        url: &Url,
    ) -> Result<()> {
        if has_underscore(url) {
            return Err(invalid(field, "a host without underscore"));
        }
        self.add(names.0, overrides.apply(url));
        self.add(names.1, "POST");
        Ok(())
    }
}

/// # Errors
/// `Invalid` naming the field Twilio would refuse, or silently ignore.
pub(crate) fn order(order: &PlaceCall, overrides: &ConnectionOverrides) -> Result<Form> {
    let mut form = Form::default();
    form.add("To", order.to.reveal());
    form.add("From", order.from.reveal());
    form.callback(overrides, ("Url", "Method"), "answer_url", &order.answer_url)?;
    if let Some(url) = &order.fallback_url {
        form.callback(overrides, ("FallbackUrl", "FallbackMethod"), "fallback_url", url)?;
    }
    form.callback(overrides, ("StatusCallback", "StatusCallbackMethod"), "status_url", &order.status_url)?;
    for event in ["initiated", "ringing", "answered", "completed"] {
        form.add("StatusCallbackEvent", event);
    }
    form.add("Timeout", seconds("ring_timeout", order.ring_timeout, RING_SECONDS)?);
    form.add("TimeLimit", seconds("time_limit", order.time_limit, LIMIT_SECONDS)?);
    if let Some(digits) = &order.digits {
        if order.machine_detection.is_some() {
            return Err(invalid("digits", "no machine detection: Twilio would leave it out"));
        }
        form.add("SendDigits", digits.reveal());
    }
    if let Some(detection) = &order.machine_detection {
        detect(&mut form, detection, overrides)?;
    }
    if let Some(record) = &order.record {
        form.add("Record", "true");
        recording(&mut form, record, overrides)?;
    }
    if let Some(reason) = &order.reason {
        if reason.chars().count() > LONGEST_REASON {
            return Err(invalid("reason", "at most 50 characters"));
        }
        form.add("CallReason", reason);
    }
    Ok(form)
}

/// How a recording is made; Twilio's defaults differ from request to request, so nothing is left to them.
pub(crate) fn recording(form: &mut Form, record: &RecordCall, overrides: &ConnectionOverrides) -> Result<()> {
    form.add("RecordingChannels", channels(record.channels));
    form.add("RecordingTrack", "both");
    form.add("Trim", trim(record.trim));
    if let Some(url) = &record.status_url {
        let names = ("RecordingStatusCallback", "RecordingStatusCallbackMethod");
        form.callback(overrides, names, "recording.status_url", url)?;
        form.add("RecordingStatusCallbackEvent", RECORDING_EVENTS);
    }
    Ok(())
}

fn detect(form: &mut Form, detection: &MachineDetection, overrides: &ConnectionOverrides) -> Result<()> {
    let kind = match detection.machine {
        MachineVerdict::AtOnce => "Enable",
        MachineVerdict::AfterGreeting => "DetectMessageEnd",
    };
    form.add("MachineDetection", kind);
    form.add("MachineDetectionTimeout", seconds("machine_detection.timeout", detection.timeout, DETECTION_SECONDS)?);
    let thresholds = [
        ("MachineDetectionSpeechThreshold", detection.speech_threshold, 1000..=6000),
        ("MachineDetectionSpeechEndThreshold", detection.speech_end_threshold, 500..=5000),
        ("MachineDetectionSilenceTimeout", detection.silence_timeout, 2000..=10_000),
    ];
    for (name, length, range) in thresholds {
        let Some(length) = length else { continue };
        let millis = length.as_millis();
        if !range.contains(&millis) {
            let expected = format!("{name} of {} to {} ms", range.start(), range.end());
            return Err(invalid("machine_detection", expected));
        }
        form.add(name, millis.to_string());
    }
    if let DetectionMode::InBackground { report_url } = &detection.mode {
        form.add("AsyncAmd", "true");
        let names = ("AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod");
        form.callback(overrides, names, "machine_detection.report_url", report_url)?;
    }
    Ok(())
}

fn seconds(field: &'static str, time: Duration, range: RangeInclusive<u64>) -> Result<String> {
    let seconds = time.as_secs();
    if range.contains(&seconds) {
        return Ok(seconds.to_string());
    }
    Err(invalid(field, format!("{} to {} seconds", range.start(), range.end())))
}

fn invalid(field: &'static str, expected: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(field, expected).with_provider(PROVIDER)
}
