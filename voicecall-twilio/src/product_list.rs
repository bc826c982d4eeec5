//! Lists of Twilio's newer interfaces, which name each page whole.

use serde::de::DeserializeOwned;
use url::Url;
use voicecall_core::{Error, ErrorKind, Result};

use crate::client::TwilioClient;
use crate::{PROVIDER, wire};

/// Pages that are read at most.
const MAX_PAGES: usize = 50;

/// A page, and where the next one is.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) next: Option<Url>,
}

impl TwilioClient {
    /// Reads the page at `url` of the list at `list`.
    ///
    /// # Errors
    /// As usual; `Protocol` if the next page is one of something else.
    pub(crate) async fn product_page<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        list: &Url,
        url: Url,
    ) -> Result<Page<T>> {
        let page: wire::ProductPage<T> = self.get(operation, url).await?;
        let next = page.meta.next_page_url.filter(|next| !next.is_empty());
        let next = next.map(|next| self.product_page_url(operation, list, &next)).transpose()?;
        Ok(Page { entries: page.entries, next })
    }

    /// Reads a whole list, so many a page.
    ///
    /// # Errors
    /// As [`product_page`](Self::product_page); `Unsupported` for more than can be read.
    pub(crate) async fn product_list<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        list: &Url,
        page_size: u16,
    ) -> Result<Vec<T>> {
        let mut url = list.clone();
        url.query_pairs_mut().append_pair("PageSize", &page_size.to_string());
        let mut entries = Vec::new();
        for _ in 0..MAX_PAGES {
            let page = self.product_page(operation, list, url).await?;
            entries.extend(page.entries);
            let Some(next) = page.next else { return Ok(entries) };
            url = next;
        }
        Err(Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_message("too many entries"))
    }
}
