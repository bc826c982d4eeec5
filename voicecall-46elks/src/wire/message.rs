//! Messages of the realtime voice socket.

use std::borrow::Cow;

use serde::Deserialize;

/// Any message, as far as it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    /// What it is: `hello`, `audio`, `sync`, `bye`.
    #[serde(borrow)]
    pub(crate) t: Cow<'a, str>,
    /// Of a `hello`.
    #[serde(default, borrow)]
    pub(crate) callid: Option<Cow<'a, str>>,
    /// Of `audio`: base64.
    #[serde(default, borrow)]
    pub(crate) data: Option<Cow<'a, str>>,
    /// Of a `bye`.
    #[serde(default, borrow)]
    pub(crate) reason: Option<Cow<'a, str>>,
}

/// Audio in the form in which it nearly always comes, which needs no parser.
#[derive(Debug)]
pub(crate) struct AudioMessage<'a> {
    pub(crate) data: &'a str,
}

impl<'a> AudioMessage<'a> {
    pub(crate) fn read(message: &'a str) -> Option<Self> {
        let rest = message
            .strip_prefix(r#"{"t":"audio","data":""#)
            .or_else(|| message.strip_prefix(r#"{"t": "audio", "data": ""#))?;
        let data = rest.strip_suffix(r#""}"#)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        data.bytes().all(plain).then_some(Self { data })
    }
}
