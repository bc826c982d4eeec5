//! `GET /me`.

use serde::Deserialize;

/// The account whose credentials they are.
#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    /// `SEK` or `EUR`.
    #[serde(default)]
    pub(crate) currency: Option<String>,
}
