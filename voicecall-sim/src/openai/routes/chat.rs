//! `POST /v1/chat/completions`: the model's answer, whole or as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::super::chat::{ChatCall, Completion};
use super::super::server::Services;
use super::super::{ApiError, Reply};
use super::{send, unix_now};
use crate::delivery::Delivery;
use crate::fault::Site;

pub(super) async fn complete(State(services): State<Arc<Services>>, body: Bytes) -> Result<Response, ApiError> {
    let asked = Instant::now();
    let call = ChatCall::read(&body)?;
    let reply = services.llm().answer(&call.question(), call.max_tokens)?;
    call.check(&reply)?;
    let id = format!("chatcmpl-{}", uuid::Uuid::new_v4().simple());
    let completion = Completion { id, created: unix_now(), call: &call, reply: &reply };
    let (content_type, delivery) = if call.stream {
        ("text/event-stream; charset=utf-8", stream(&completion, &reply))
    } else {
        ("application/json", Delivery::whole(end(&reply), completion.whole().to_string()))
    };
    let delivery = services.deliver(Site::OpenaiChat, delivery)?;
    Ok(send(content_type, delivery, asked).await)
}

fn stream(completion: &Completion<'_>, reply: &Reply) -> Delivery {
    let mut delivery = Delivery::default();
    let first = reply.all_tokens().next().map_or(Duration::ZERO, |token| token.after);
    delivery.push(first, event(&completion.opening()));
    for token in &reply.tokens {
        delivery.push(token.after, event(&completion.token(&token.text)));
    }
    for (after, chunk) in completion.calls() {
        delivery.push(after, event(&chunk));
    }
    delivery.push(end(reply), event(&completion.closing()));
    if completion.call.include_usage {
        delivery.push(end(reply), event(&completion.totals()));
    }
    delivery.push(end(reply), "data: [DONE]\n\n");
    delivery
}

fn event(chunk: &Value) -> String {
    format!("data: {chunk}\n\n")
}

fn end(reply: &Reply) -> Duration {
    reply.all_tokens().last().map_or(Duration::ZERO, |token| token.after)
}
