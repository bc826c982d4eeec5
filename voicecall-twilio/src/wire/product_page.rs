//! A page of a list of one of the newer interfaces.

use serde::Deserialize;

/// The list has another name in each.
#[derive(Debug, Deserialize)]
pub(crate) struct ProductPage<T> {
    #[serde(default)]
    pub(crate) meta: PageMeta,
    #[serde(
        alias = "conversations",
        alias = "participants",
        alias = "messages",
        alias = "delivery_receipts",
        alias = "webhooks",
        alias = "transcripts",
        alias = "sentences"
    )]
    pub(crate) entries: Vec<T>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageMeta {
    /// Whole; none on the last page.
    pub(crate) next_page_url: Option<String>,
}
