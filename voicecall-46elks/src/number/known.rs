//! The numbers that the account has, and changing them.

use voicecall_core::carrier::{NumberAbilities, OwnedNumber};
use voicecall_core::{Error, ErrorKind, Result};

use crate::PROVIDER;
use crate::call::call_id;
use crate::client::{ElksClient, MAX_PAGES};
use crate::failure::{Effect, unreadable};
use crate::wire;

/// Whether 46elks understood and said no, such as to a field it does not have.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Invalid | ErrorKind::Forbidden)
}

/// Changes a field of a number.
pub(super) async fn change(
    client: &ElksClient,
    operation: &'static str,
    number: &wire::Number,
    field: &str,
    value: &str,
) -> Result<wire::Number> {
    // It goes into a path.
    let id = call_id(&number.id).ok_or_else(|| unreadable(operation, Effect::Repeatable))?;
    let url = client.url(&format!("numbers/{id}"))?;
    client.post(operation, Effect::Repeatable, url, &[(field, value)]).await
}

/// The account's own number, unless it was given back.
pub(super) async fn find(client: &ElksClient, operation: &'static str, number: &str) -> Result<Option<wire::Number>> {
    let is_it = |known: wire::Number| (known.number.as_deref() == Some(number)).then_some(known);
    look_through(client, operation, is_it).await
}

/// All numbers that were not given back.
///
/// # Errors
/// As usual; `Unsupported` for more than can be read.
pub(super) async fn all(client: &ElksClient, operation: &'static str) -> Result<Vec<wire::Number>> {
    let mut numbers = Vec::new();
    let keep = |known| -> Option<()> {
        numbers.push(known);
        None
    };
    look_through(client, operation, keep).await?;
    Ok(numbers)
}

/// Shows `look` all numbers that were not given back, page by page, until it finds something.
async fn look_through<T: Send>(
    client: &ElksClient,
    operation: &'static str,
    mut look: impl FnMut(wire::Number) -> Option<T> + Send,
) -> Result<Option<T>> {
    let mut start: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let mut url = client.url("numbers")?;
        url.query_pairs_mut().append_pair("limit", "100");
        if let Some(start) = &start {
            url.query_pairs_mut().append_pair("start", start);
        }
        let page: wire::NumberPage = client.get(operation, url).await?;
        // Those that were given back stay in the list.
        let is_ours = |known: &wire::Number| known.active.as_deref().is_none_or(|active| active != "no");
        if let Some(found) = page.data.into_iter().filter(is_ours).find_map(&mut look) {
            return Ok(Some(found));
        }
        match page.next {
            Some(next) if start.as_ref() != Some(&next) => start = Some(next),
            _ => return Ok(None),
        }
    }
    Err(Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_message("too many numbers"))
}

/// A number as 46elks tells it; nothing without a number in it, or for one that is a socket or a client and no telephone.
pub(super) fn owned(known: &wire::Number) -> Option<OwnedNumber> {
    let number = known.number.as_deref()?.parse().ok()?;
    let can = |ability: &str| known.capabilities.iter().any(|told| told == ability);
    let abilities = NumberAbilities { voice: can("voice"), sms: can("sms"), mms: can("mms") };
    (abilities != NumberAbilities::default()).then(|| OwnedNumber::new(number, abilities))
}
