//! The body of a `start` message: whose stream it is, in which format.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamStart {
    pub(crate) stream_sid: String,
    pub(crate) account_sid: Option<String>,
    pub(crate) call_sid: String,
    pub(crate) media_format: Option<MediaFormat>,
    custom_parameters: Option<BTreeMap<String, Value>>,
}

/// The format of the caller's audio. Unlike the counters of the protocol these are real numbers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MediaFormat {
    encoding: String,
    sample_rate: u32,
    channels: u32,
}

impl MediaFormat {
    /// Whether it is mu-law, 8 kHz, mono, the only format there is so far.
    pub(crate) fn is_telephone(&self) -> bool {
        self.encoding == "audio/x-mulaw" && self.sample_rate == 8000 && self.channels == 1
    }
}

impl StreamStart {
    /// The parameters given in TwiML. They are strings; anything else is from a newer protocol and left out.
    pub(crate) fn take_parameters(&mut self) -> BTreeMap<String, String> {
        texts(self.custom_parameters.take())
    }
}

/// The parameters that are text.
pub(crate) fn texts(parameters: Option<BTreeMap<String, Value>>) -> BTreeMap<String, String> {
    let text = |(name, value)| match value {
        Value::String(value) => Some((name, value)),
        _ => None,
    };
    parameters.unwrap_or_default().into_iter().filter_map(text).collect()
}
