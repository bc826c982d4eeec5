//! The REST API over HTTP.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::Shared;
use crate::rest_server::{self, HttpReply};
use crate::twilio::{Delivery, RestReply};

/// Accepts connections; owns their tasks.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let too_many = over_http(RestReply::too_many(), Duration::ZERO);
    let most = shared.options.concurrent_requests;
    let answer = move |request: &_| {
        let reply = shared.with(|exchange, now| exchange.rest(now, request));
        match reply.delivery {
            Delivery::Now => Some(over_http(reply, Duration::ZERO)),
            Delivery::After(delay) => Some(over_http(reply, delay)),
            Delivery::Lost => None,
        }
    };
    rest_server::serve(listener, most, too_many, answer).await;
}

fn over_http(reply: RestReply, delay: Duration) -> HttpReply {
    let RestReply { status, content_type, retry_after, body, .. } = reply;
    HttpReply { status, content_type, retry_after, body, delay }
}
