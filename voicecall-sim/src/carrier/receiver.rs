//! Where a carrier's requests go: a server without sockets.

use std::fmt::Debug;
use std::sync::Arc;

use voicecall_core::async_trait;
use voicecall_core::carrier::WebhookReply;
use voicecall_core::testing::{PairedSocket, SignedRequest};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_engine::{CallEngine, ReportOf};

/// Takes in a carrier's requests and media sockets, as a server's routes do.
#[async_trait]
pub trait Receiver: Send + Sync + Debug {
    /// Answers a request; `None` for a report, which is answered with success alone.
    ///
    /// # Errors
    /// What a server would answer with an HTTP error. After one that is retryable the carrier sends it again.
    async fn request(&self, request: &SignedRequest) -> Result<Option<WebhookReply>>;

    /// Takes a call's audio, until its end.
    ///
    /// # Errors
    /// If the socket is refused; it is then dropped.
    async fn connect(&self, handshake: &SignedRequest, socket: PairedSocket) -> Result<()>;
}

/// The addresses of [`EngineConfig`](voicecall_engine::EngineConfig), without a path before them.
#[async_trait]
impl Receiver for Arc<CallEngine> {
    async fn request(&self, request: &SignedRequest) -> Result<Option<WebhookReply>> {
        let headers = request.headers();
        let webhook = request.request(&headers);
        let (path, query) = request.path_and_query.split_once('?').unwrap_or((&request.path_and_query, ""));
        match path.trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
            ["voice", "status"] => {
                let about = match query.split_once('=') {
                    Some(("call", key)) => ReportOf::Call(key.parse()?),
                    Some(("account", name)) => ReportOf::Account(name.parse()?),
                    _ => return Err(Error::new(ErrorKind::NotFound, "find route")),
                };
                self.report(about, &webhook).await.map(|_| None)
            }
            ["voice", account, "incoming"] => self.incoming(account.parse()?, &webhook).await.map(Some),
            ["voice", key, "answer"] => self.answer(key.parse()?, &webhook).await.map(Some),
            ["voice", key, "resume"] => self.resume(key.parse()?, &webhook).await.map(Some),
            ["voice", key, "screen", announcement] => {
                self.screen_transfer(key.parse()?, announcement, &webhook).await.map(Some)
            }
            ["voice", key, "accept"] => self.take_transfer(key.parse()?, &webhook).await.map(Some),
            _ => Err(Error::new(ErrorKind::NotFound, "find route")),
        }
    }

    async fn connect(&self, handshake: &SignedRequest, socket: PairedSocket) -> Result<()> {
        let token = handshake.path_and_query.trim_start_matches("/media/");
        let ticket = handshake.with(|request| self.admit(token, request))?;
        self.run(ticket, socket).await.map(drop)
    }
}
