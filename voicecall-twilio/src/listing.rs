//! Listing calls: the query as Twilio's filters, the token as Twilio's page.

use jiff::Timestamp;
use url::Url;
use voicecall_core::carrier::{CallPage, CallQuery, PageToken};
use voicecall_core::{Error, Result};

use crate::PROVIDER;
use crate::call::{carrier_call, status_name};
use crate::client::TwilioClient;
use crate::wire;

/// The most calls Twilio puts on a page.
const LARGEST_PAGE: u16 = 1000;

/// Where the page is.
///
/// # Errors
/// `Invalid` naming `page` for a token that is none of this account's; `Unsupported` for a status there is no filter for.
pub(crate) fn address(client: &TwilioClient, query: &CallQuery) -> Result<Url> {
    let mut url = client.url("/Calls.json")?;
    if let Some(page) = &query.page {
        let ours = format!("{}?", url.path());
        return match page.reveal().strip_prefix(&ours) {
            Some(rest) => {
                url.set_query(Some(rest));
                Ok(url)
            }
            None => Err(Error::invalid("page", "a page of this account's calls").with_provider(PROVIDER)),
        };
    }
    let status = match query.status {
        Some(status) => Some(status_name(status).ok_or_else(|| {
            Error::new(voicecall_core::ErrorKind::Unsupported, "list calls")
                .with_provider(PROVIDER)
                .with_field("status")
        })?),
        None => None,
    };
    let (after, before) = (query.started_after.map(second), query.started_before.map(second));
    let filters = [
        ("To", query.to.as_ref().map(|number| number.reveal())),
        ("From", query.from.as_ref().map(|number| number.reveal())),
        ("Status", status),
        // The comparison is part of the name.
        ("StartTime>", after.as_deref()),
        ("StartTime<", before.as_deref()),
    ];
    let mut pairs = url.query_pairs_mut();
    for (name, value) in filters.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        pairs.append_pair(name, value);
    }
    pairs.append_pair("PageSize", &query.page_size.clamp(1, LARGEST_PAGE).to_string());
    drop(pairs);
    Ok(url)
}

pub(crate) fn page(page: &wire::AccountPage<wire::Call>) -> CallPage {
    CallPage {
        calls: page.entries.iter().filter_map(carrier_call).collect(),
        next: page.next_page_uri.as_deref().map(PageToken::new),
    }
}

fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
