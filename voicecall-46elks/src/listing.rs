//! Lists of calls: the query as 46elks's parameters, the token as the time at which its page begins.

use jiff::Timestamp;
use voicecall_core::carrier::{CallPage, CallQuery, CarrierCall, FindCalls, PageToken};
use voicecall_core::{Error, ErrorKind, Result};

use crate::PROVIDER;
use crate::call::{carrier_call, timestamp, written};
use crate::client::{ElksClient, MAX_PAGES};
use crate::failure::unsupported;
use crate::wire;

/// The most calls 46elks puts on a page.
const LARGEST_PAGE: u16 = 100;

/// A page of calls, newest first. Times are those of the order, not of the answer.
///
/// # Errors
/// `Invalid` naming `page` for a token that is no time; `Unsupported` naming a filter that 46elks does not have.
pub(crate) async fn list(client: &ElksClient, query: &CallQuery) -> Result<CallPage> {
    let operation = "list calls";
    let missing = [("to", query.to.is_some()), ("from", query.from.is_some()), ("status", query.status.is_some())];
    if let Some((field, _)) = missing.into_iter().find(|(_, is_set)| *is_set) {
        return Err(unsupported(operation, field));
    }
    let start = match &query.page {
        Some(page) if timestamp(page.reveal()).is_some() => Some(page.reveal().to_owned()),
        Some(_) => return Err(Error::invalid("page", "a page of this account's calls").with_provider(PROVIDER)),
        None => query.started_before.map(written),
    };
    let page = fetch(client, operation, start, query.started_after, query.page_size).await?;
    let currency = client.currency().await;
    Ok(CallPage {
        calls: page.data.iter().filter_map(|call| carrier_call(call, currency)).collect(),
        next: page.next.map(PageToken::new),
    })
}

/// All calls that match, newest first: 46elks has no filter by number. A call without a time counts.
///
/// # Errors
/// As usual; `Unsupported` if there are more than can be looked through.
pub(crate) async fn find(client: &ElksClient, query: &FindCalls) -> Result<Vec<CarrierCall>> {
    let operation = "find calls";
    let mut found = Vec::new();
    let mut start: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = fetch(client, operation, start.clone(), None, LARGEST_PAGE).await?;
        let calls: Vec<CarrierCall> = page.data.iter().filter_map(|call| carrier_call(call, None)).collect();
        let is_older = |call: &CarrierCall| call.created_at.is_some_and(|created| created < query.since);
        let is_last = calls.last().is_some_and(is_older);
        let is_it = |call: &CarrierCall| {
            call.to.as_ref() == Some(&query.to) && call.from.as_ref() == Some(&query.from) && !is_older(call)
        };
        found.extend(calls.into_iter().filter(is_it));
        match page.next {
            Some(next) if !is_last && start.as_ref() != Some(&next) => start = Some(next),
            _ => return Ok(found),
        }
    }
    // "Not among the first thousands" is not "not there".
    Err(Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_message("too many calls to search"))
}

async fn fetch(
    client: &ElksClient,
    operation: &'static str,
    start: Option<String>,
    end: Option<Timestamp>,
    limit: u16,
) -> Result<wire::CallPage> {
    let mut url = client.url("calls")?;
    {
        let mut pairs = url.query_pairs_mut();
        pairs.append_pair("limit", &limit.clamp(1, LARGEST_PAGE).to_string());
        // `start` is where the list begins, and it goes back in time to `end`.
        if let Some(start) = start {
            pairs.append_pair("start", &start);
        }
        if let Some(end) = end {
            pairs.append_pair("end", &written(end));
        }
    }
    client.get(operation, url).await
}
