//! The newer interfaces: JSON only, whole addresses of pages, and no account in the path.

use serde_json::{Value, json};
use voicecall_core::CallTime;

use super::{Answered, Fields, Refusal, RestReply, RestRequest, plain, refused};
use crate::fault::Site;
use crate::twilio::Exchange;
use crate::twilio::conversations::{self, File};
use crate::twilio::sid::sid;

/// Whether it is an address of one of them.
pub(super) fn is_product(path: &str) -> bool {
    path.starts_with("/v1/") || path.starts_with("/v2/")
}

/// Whether a request is for a file itself.
pub(super) fn is_file(request: &RestRequest) -> bool {
    request.method == "GET" && request.path.contains("/Media/") && request.path.ends_with("/Content")
}

/// Where a fault strikes: whatever makes something is a `POST` to a list.
pub(super) fn site(request: &RestRequest) -> Site {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    match request.method.as_str() {
        "GET" => Site::RestFetch,
        "POST" if ["Conversations", "Participants", "Messages", "Media", "Transcripts"].contains(&last) => {
            Site::RestCreate
        }
        _ => Site::RestUpdate,
    }
}

impl Exchange {
    pub(super) fn product_request(&mut self, now: CallTime, account: usize, request: &RestRequest) -> Answered {
        let segments: Vec<String> = request.path.split('/').skip(1).map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["v1", "Services", service, "Media", rest @ ..] => self.media_request(now, account, service, rest, request),
            ["v1", "Services", service, rest @ ..] if service.starts_with("IS") => {
                self.conversations_request(now, account, Some(service), rest, request)
            }
            ["v2", "Transcripts", rest @ ..] => self.transcripts_request(now, account, rest, request),
            ["v1", rest @ ..] => self.conversations_request(now, account, None, rest, request),
            _ => Err(Refusal::not_found(&request.path)),
        }
    }

    fn media_request(
        &mut self,
        now: CallTime,
        account: usize,
        service: &str,
        rest: &[&str],
        request: &RestRequest,
    ) -> Answered {
        match (request.method.as_str(), rest) {
            ("POST", []) if request.file.is_empty() => Err(Refusal::new(400, 20001, "A file is required")),
            ("POST", []) => {
                let content_type = request.header("content-type").unwrap_or("application/octet-stream").to_owned();
                let (sid, bytes) = (sid("ME", &mut self.rng), request.file.clone());
                let file = File { sid, account, service: service.to_owned(), content_type, bytes, created: now };
                let place = self.add_file(file);
                Ok((201, Some(conversations::file(self, &self.conversations.files[place]))))
            }
            ("GET", [sid]) => {
                let file = self.file_of(account, service, sid).ok_or_else(|| Refusal::not_found(&request.path))?;
                Ok((200, Some(conversations::file(self, file))))
            }
            _ => Err(Refusal::not_found(&request.path)),
        }
    }

    fn file_of(&self, account: usize, service: &str, sid: &str) -> Option<&File> {
        let is_it = |file: &&File| file.sid == sid && file.account == account && file.service == service;
        self.conversations.files.iter().find(is_it)
    }

    /// The bytes of a file.
    pub(super) fn media_file(&self, account: usize, path: &str) -> RestReply {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let file = match segments.as_slice() {
            ["v1", "Services", service, "Media", sid, "Content"] => self.file_of(account, service, sid),
            _ => None,
        };
        match file {
            Some(file) => RestReply { content_type: "application/octet-stream", ..plain(200, file.bytes.clone()) },
            None => refused(&Refusal::not_found(path)),
        }
    }
}

/// A page of a list; its addresses are whole.
pub(super) fn page(host: &str, key: &str, request: &RestRequest, entries: &[Value], largest: usize) -> Answered {
    let fields = Fields(&request.query);
    let size = fields.number("PageSize", 50)?.clamp(1, largest);
    let page = fields.number("Page", 0)?;
    let filters = request.query.iter().filter(|(name, _)| !matches!(name.as_str(), "PageSize" | "Page" | "PageToken"));
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filters).finish();
    let address = |page: usize| {
        let filters = if encoded.is_empty() { String::new() } else { format!("{encoded}&") };
        let token = if page == 0 { String::new() } else { format!("&PageToken=PA{page:032x}") };
        format!("https://{host}{}?{filters}PageSize={size}&Page={page}{token}", request.path)
    };
    let start = page.saturating_mul(size).min(entries.len());
    let end = (start + size).min(entries.len());
    let meta = json!({
        "page": page,
        "page_size": size,
        "first_page_url": address(0),
        "previous_page_url": page.checked_sub(1).map(address),
        "url": address(page),
        "next_page_url": (end < entries.len()).then(|| address(page + 1)),
        "key": key,
    });
    Ok((200, Some(json!({"meta": meta, key: entries[start..end]}))))
}

/// A part of a path as it was before it was encoded.
fn decoded(part: &str) -> String {
    let bytes = part.replace('+', "%2B");
    url::form_urlencoded::parse(bytes.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}
