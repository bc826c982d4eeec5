//! What carriers deliver and report about messages, and a server of nothing else.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing::info;
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_messaging::{Messenger, WebhookOf};

use super::webhook::{Webhook, respond, unread};
use super::{ServeOptions, listen, serve, told_to_end};

/// The routes carriers of messages use:
///
/// | path | what |
/// |---|---|
/// | `POST /messages/{account}/incoming` | a message to one of this account's addresses |
/// | `POST /messages/{message}/report` | what has become of a message of ours |
pub fn message_routes(messenger: Arc<Messenger>) -> Router {
    Router::new()
        .route("/messages/{account}/incoming", post(incoming).get(incoming))
        .route("/messages/{account}/report", post(report).get(report))
        .with_state(messenger)
}

/// Serves a messenger on `address` (`host:port`) until the process is told to end (SIGTERM or Ctrl-C): its routes and
/// `/health`; answers that are under way are finished before it returns.
///
/// # Errors
/// `Config` if the address cannot be listened on; as [`serve_messages_on`].
pub async fn serve_messages(messenger: Arc<Messenger>, address: &str) -> Result<()> {
    // Asked for before the first message can come.
    let stop = told_to_end();
    let listener = listen("address", address).await?;
    serve_messages_on(messenger, listener, stop).await
}

/// Serves a messenger on `listener` until `stop` is done, as [`serve_messages`] does.
///
/// # Errors
/// `Config` if the vault lacks a key that the store was written with; `Unauthenticated` if a carrier does not know the
/// credentials; `Unavailable` if the listener cannot be used any more.
pub async fn serve_messages_on(
    messenger: Arc<Messenger>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<()> {
    messenger.check().await?;
    if let Ok(address) = listener.local_addr() {
        info!(%address, public_url = %messenger.config().public_url, "serving");
    }
    for account in messenger.accounts() {
        let url = messenger.config().incoming_url(account.name)?;
        info!(account = %account.name, %url, "messages to this account's addresses are taken in here");
    }
    let routes = message_routes(Arc::clone(&messenger)).route("/health", get(|| async { StatusCode::OK }));
    let (close, closed) = oneshot::channel::<()>();
    let served = serve(listener, routes, ServeOptions::default(), async { drop(closed.await) })?;
    let mut served = tokio::spawn(served);
    let mut broke = None;
    let stop = async {
        tokio::select! {
            () = stop => {}
            ended = &mut served => broke = Some(ended),
        }
    };
    messenger.run_background(stop).await;
    let _ = close.send(());
    let ended = match broke {
        Some(ended) => ended,
        None => served.await,
    };
    ended.map_err(|error| Error::new(ErrorKind::Internal, "serve").with_source(error))?
}

async fn incoming(
    State(messenger): State<Arc<Messenger>>,
    Path(account): Path<String>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let of = WebhookOf::Account(account.parse().map_err(|error| unread(&error))?);
    take(&messenger, of, webhook).await
}

async fn report(
    State(messenger): State<Arc<Messenger>>,
    Path(message): Path<String>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let of = WebhookOf::Message(message.parse().map_err(|error| unread(&error))?);
    take(&messenger, of, webhook).await
}

async fn take(messenger: &Arc<Messenger>, of: WebhookOf, webhook: Webhook) -> std::result::Result<Response, Response> {
    let request = webhook.read(|head| messenger.webhook_head(of, head)).await?;
    let headers = request.headers();
    Ok(respond(messenger.webhook(of, &request.webhook(&headers)).await))
}
