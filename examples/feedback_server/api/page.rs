//! Lists come in pages: `page` from 1 and `limit` from 1 to 100.

use serde::Serialize;
use utoipa::ToSchema;
use voicecall::store::PageRequest;

use super::bounds::Whole;

/// The number of a page.
pub(super) type PageNumber = Whole<1, { u32::MAX as u64 }>;

/// The length of a page.
pub(super) type PageLength = Whole<1, { PageRequest::MAX_PER_PAGE as u64 }>;

/// Where a page is in its list.
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

/// The items of one page of a list that is there as a whole.
pub(super) fn cut<T>(items: Vec<T>, request: PageRequest) -> Vec<T> {
    let skip = usize::try_from(request.offset()).unwrap_or(usize::MAX);
    items.into_iter().skip(skip).take(request.per_page as usize).collect()
}
