//! Speech: the request. The answer is audio.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) model: &'a str,
    pub(crate) input: &'a str,
    pub(crate) voice: &'a str,
    pub(crate) response_format: &'static str,
}
