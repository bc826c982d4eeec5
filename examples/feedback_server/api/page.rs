//! Lists come in pages: `page` from 1 and `limit` from 1 to 100, and never more than a mebibyte of items.

use serde::Serialize;
use utoipa::ToSchema;
use voicecall::store::{Page, PageRequest};

use super::ApiError;
use super::bounds::Whole;

/// The number of a page.
pub(super) type PageNumber = Whole<1, { u32::MAX as u64 }>;

/// The length of a page.
pub(super) type PageLength = Whole<1, { PageRequest::MAX_PER_PAGE as u64 }>;

/// The most that the items of one page are long, as JSON. A single item that is longer comes alone.
pub(super) const LONGEST_PAGE: usize = 1024 * 1024;

/// Where a page is in its list. Items of at most 1 MiB (1,048,576 bytes) as JSON come at once: of a page that would be longer
/// only the beginning, with a smaller `perPage` and the `page` that it is then. Who goes on from these two misses nothing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pagination {
    /// From 1.
    #[schema(minimum = 1)]
    page: u32,
    #[schema(minimum = 1, maximum = 100)]
    per_page: u32,
    /// How many there are on all pages.
    total: u64,
    has_next: bool,
}

impl Pagination {
    pub(super) fn of(request: PageRequest, total: u64) -> Self {
        let seen = request.offset().saturating_add(u64::from(request.per_page));
        Self { page: request.page, per_page: request.per_page, total, has_next: seen < total }
    }
}

/// The page that is asked for; the first one of 50 if nothing is said.
pub(super) fn page_request(page: Option<PageNumber>, limit: Option<PageLength>) -> PageRequest {
    let first = PageRequest::default();
    PageRequest {
        page: page.map_or(first.page, PageNumber::small),
        per_page: limit.map_or(first.per_page, PageLength::small),
    }
}

/// As much of a page as may come at once, and which page that is. Pages of the smaller length begin where the page that was asked
/// for begins: it divides the length that was asked for.
pub(super) fn fit<T: Serialize>(mut items: Vec<T>, request: PageRequest) -> (Vec<T>, PageRequest) {
    let mut length = 0_usize;
    let fits = items.iter().take_while(|item| {
        // What cannot be written fails the answer, and not here.
        length = length.saturating_add(serde_json::to_vec(item).map_or(0, |json| json.len() + 1));
        length <= LONGEST_PAGE
    });
    let fits = u32::try_from(fits.count()).unwrap_or(u32::MAX);
    if fits as usize == items.len() {
        return (items, request);
    }
    let asked = request.per_page.max(1);
    let per_page = (1..=fits.clamp(1, asked)).rev().find(|length| asked.is_multiple_of(*length)).unwrap_or(1);
    items.truncate(per_page as usize);
    let page = request.page.saturating_sub(1).saturating_mul(asked / per_page).saturating_add(1);
    (items, PageRequest { page, per_page })
}

/// The most items that are read from the store at a time.
const STEP: u32 = 10;

/// Reads a page in steps, no further than it may be long: so that long items that do not come are not read either.
///
/// # Errors
/// What `step` reports.
pub(super) async fn read<T: Serialize, F: Future<Output = Result<Page<T>, ApiError>>>(
    request: PageRequest,
    step: impl Fn(PageRequest) -> F,
) -> Result<(Vec<T>, PageRequest, u64), ApiError> {
    let asked = request.per_page.max(1);
    let per_page = (1..=STEP.min(asked)).rev().find(|length| asked.is_multiple_of(*length)).unwrap_or(1);
    let first = request.page.saturating_sub(1).saturating_mul(asked / per_page);
    let (mut items, mut total, mut length) = (Vec::new(), 0, 0);
    for at in 1..=asked / per_page {
        let page = step(PageRequest { page: first.saturating_add(at), per_page }).await?;
        total = page.total;
        let is_last = page.items.len() < per_page as usize;
        length += page.items.iter().map(|item| serde_json::to_vec(item).map_or(0, |json| json.len())).sum::<usize>();
        items.extend(page.items);
        if is_last || length > LONGEST_PAGE {
            break;
        }
    }
    let (items, request) = fit(items, request);
    Ok((items, request, total))
}

/// The items of one page of a list that is there as a whole.
pub(super) fn cut<T>(items: Vec<T>, request: PageRequest) -> Vec<T> {
    let skip = usize::try_from(request.offset()).unwrap_or(usize::MAX);
    items.into_iter().skip(skip).take(request.per_page as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a whole list, going on from where each answer says that it is.
    fn read(items: &[String], limit: u32) -> (Vec<String>, usize) {
        let (mut read, mut request, mut longest) = (Vec::new(), PageRequest { page: 1, per_page: limit }, 0);
        loop {
            let (page, is) = fit(cut(items.to_vec(), request), request);
            longest = longest.max(serde_json::to_vec(&page).unwrap().len());
            read.extend(page);
            if !Pagination::of(is, items.len() as u64).has_next {
                return (read, longest);
            }
            request = PageRequest { page: is.page + 1, per_page: is.per_page };
        }
    }

    #[test]
    fn a_page_is_never_longer_than_a_mebibyte_and_who_goes_on_misses_nothing() {
        for (count, size) in [(0, 0), (250, 10), (250, 8_200), (120, 255_000), (101, 700_000)] {
            let items: Vec<_> = (0..count).map(|at| format!("{at:04}{}", "x".repeat(size))).collect();
            for limit in [1, 7, 50, 97, 100] {
                let (read, longest) = read(&items, limit);
                assert_eq!(read.len(), items.len(), "{count} of {size}, {limit} a page");
                assert!(read == items && longest <= LONGEST_PAGE + 2, "{count} of {size}: {longest}");
            }
        }
    }

    #[test]
    fn what_is_longer_by_itself_comes_alone() {
        let long = "x".repeat(2 * LONGEST_PAGE);
        let request = PageRequest { page: 3, per_page: 10 };
        let (page, is) = fit(vec![long.clone(), long], request);
        assert_eq!((page.len(), is), (1, PageRequest { page: 21, per_page: 1 }));
    }
}
