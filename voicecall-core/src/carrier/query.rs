//! Looking for calls at the carrier: all that match, or page by page.

use jiff::Timestamp;

use super::{CallStatus, CarrierCall};
use crate::phone::PhoneNumber;

/// Which calls to look for when an order had an unknown outcome.
#[derive(Debug, Clone)]
pub struct FindCalls {
    /// Calls to this number.
    pub to: PhoneNumber,
    /// Calls from this number.
    pub from: PhoneNumber,
    /// Calls ordered at or after this instant.
    pub since: Timestamp,
}

/// Which calls to list, and which page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallQuery {
    /// Calls to this number.
    pub to: Option<PhoneNumber>,
    /// Calls from this number.
    pub from: Option<PhoneNumber>,
    /// Calls with this status.
    pub status: Option<CallStatus>,
    /// Calls that began at or after this instant.
    pub started_after: Option<Timestamp>,
    /// Calls that began at or before this instant.
    pub started_before: Option<Timestamp>,
    /// How many calls a page holds at most; a carrier may give fewer.
    pub page_size: u16,
    /// Which page; the first if absent. It belongs to the query it came from.
    pub page: Option<PageToken>,
}

impl CallQuery {
    /// The first page of all calls, 50 a page.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            to: None,
            from: None,
            status: None,
            started_after: None,
            started_before: None,
            page_size: 50,
            page: None,
        }
    }
}

impl Default for CallQuery {
    fn default() -> Self {
        Self::new()
    }
}

/// Names the page of a list. Only the carrier that made it can read it; it may hold phone numbers and is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PageToken(String);

impl PageToken {
    /// Wraps the carrier's name of the page.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The carrier's name of the page.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PageToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageToken")
    }
}

/// A page of calls, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPage {
    /// The calls.
    pub calls: Vec<CarrierCall>,
    /// The next page; none behind the last.
    pub next: Option<PageToken>,
}
