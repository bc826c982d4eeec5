//! Looking for a message in 46elks's lists, which have no filter but the time.

use voicecall_core::messaging::{CarrierMessage, FindMessages};
use voicecall_core::{Error, ErrorKind, Result};

use super::known::{carrier_message, is_it};
use crate::call::timestamp;
use crate::client::{ElksClient, MAX_PAGES};
use crate::failure::unsupported;
use crate::{PROVIDER, wire};

/// All messages of `list` that match, newest first.
///
/// # Errors
/// As usual; `Unsupported` if there are more than can be looked through, or if there is no such list: what cannot be looked
/// up is not "not there".
pub(super) async fn find(client: &ElksClient, list: &str, query: &FindMessages) -> Result<Vec<CarrierMessage>> {
    let operation = "find messages";
    let mut found = Vec::new();
    let mut start: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let mut url = client.url(list)?;
        url.query_pairs_mut().append_pair("limit", "100").extend_pairs(start.iter().map(|start| ("start", start)));
        let page: wire::TextPage = match client.get(operation, url).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(unsupported(operation, "media")),
            page => page?,
        };
        found.extend(page.data.iter().filter(|text| is_it(text, query)).filter_map(|text| carrier_message(text, None)));
        let oldest = page.data.last().and_then(|text| text.created.as_deref()).and_then(timestamp);
        match page.next {
            Some(next) if oldest.is_none_or(|oldest| oldest >= query.since) && start.as_ref() != Some(&next) => {
                start = Some(next);
            }
            _ => return Ok(found),
        }
    }
    Err(Error::new(ErrorKind::Unsupported, operation)
        .with_provider(PROVIDER)
        .with_message("too many messages to search"))
}
