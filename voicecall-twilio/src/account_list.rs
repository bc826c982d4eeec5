//! Lists of an account, of Twilio's interface of 2010, which names each next page by its path.

use serde::de::DeserializeOwned;
use url::Url;
use voicecall_core::{Error, ErrorKind, Result};

use crate::client::TwilioClient;
use crate::{PROVIDER, wire};

/// Pages that are read at most.
const MAX_PAGES: usize = 50;

impl TwilioClient {
    /// Reads the whole list at `url`, and keeps what `read` makes of its entries.
    ///
    /// # Errors
    /// As usual; `Unsupported` for more than can be read: "not among the first pages" is not "not there".
    pub(crate) async fn account_list<T: DeserializeOwned, R>(
        &self,
        operation: &'static str,
        mut url: Url,
        mut read: impl FnMut(&T) -> Option<R> + Send,
    ) -> Result<Vec<R>> {
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let page: wire::AccountPage<T> = self.get(operation, url).await?;
            found.extend(page.entries.iter().filter_map(&mut read));
            let Some(next) = page.next_page_uri else { return Ok(found) };
            url = self.page_url(operation, &next)?;
        }
        Err(Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_message("too many entries"))
    }
}
