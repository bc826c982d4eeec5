//! A page of a list of an account's, of the interface of 2010.

use serde::Deserialize;

/// `GET /2010-04-01/Accounts/{AC}/{list}.json`; the entries have the list's name.
#[derive(Debug, Deserialize)]
pub(crate) struct AccountPage<T> {
    #[serde(
        alias = "calls",
        alias = "recordings",
        alias = "transcriptions",
        alias = "messages",
        alias = "incoming_phone_numbers"
    )]
    pub(crate) entries: Vec<T>,
    /// Relative to the API's host; none on the last page.
    pub(crate) next_page_uri: Option<String>,
}
