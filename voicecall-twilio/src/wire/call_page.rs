//! One page of a list of calls.

use serde::Deserialize;

use super::Call;

/// `GET /2010-04-01/Accounts/{AC}/Calls.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct CallPage {
    pub(crate) calls: Vec<Call>,
    /// Relative to the API's host; none on the last page.
    pub(crate) next_page_uri: Option<String>,
}
