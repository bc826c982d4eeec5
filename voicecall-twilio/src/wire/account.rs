//! An account, as fetched by the health check.

use serde::Deserialize;

/// `GET /2010-04-01/Accounts/{AC}.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) status: Option<AccountStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountStatus {
    Active,
    Suspended,
    Closed,
    #[serde(other)]
    Unknown,
}
