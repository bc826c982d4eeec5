//! Where Twilio tells of the conversations and transcriptions that it keeps.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use voicecall_twilio::conversations::{Answer, ConversationEvent};
use voicecall_twilio::transcriptions::TranscriptionEvent;
use voicecall_twilio::{TwilioConversations, TwilioTranscriptions};

use super::webhook::{Webhook, refuse};

/// The route at which Twilio tells what has happened in its conversations, and asks before something is done in them: the
/// address of [`NewConversationWebhook`](voicecall_twilio::conversations::NewConversationWebhook) or
/// [`WebhookSettings`](voicecall_twilio::conversations::WebhookSettings).
///
/// `answer` decides about each event whose signature is right: what it says counts for those that are
/// [asked before](voicecall_twilio::conversations::ConversationEventKind::Before) only, and within 5 s. Others are refused
/// without it: 401 for a wrong signature, 400 for what is no event.
///
/// Requests are checked against the public address and their whole path, also in a router that is nested.
///
/// ```no_run
/// # fn example() -> voicecall::Result<axum::Router> {
/// use voicecall::server::conversation_route;
/// use voicecall::twilio::TwilioConversations;
/// use voicecall::twilio::conversations::{Action, Answer, Changed, ConversationEvent, ConversationEventKind};
///
/// let conversations = TwilioConversations::from_env()?;
/// let route = conversation_route("/conversations", conversations, async |event: ConversationEvent| match event.kind {
///     ConversationEventKind::Before(Action::Add, Changed::Message(message)) if message.text.is_empty() => Answer::Refuse,
///     _ => Answer::Allow,
/// });
/// # Ok(route)
/// # }
/// ```
pub fn conversation_route<F, Fut>(path: &str, conversations: TwilioConversations, answer: F) -> Router
where
    F: Fn(ConversationEvent) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Answer> + Send,
{
    let shared = Arc::new((conversations, answer));
    let handler = move |webhook: Webhook| {
        let shared = Arc::clone(&shared);
        async move {
            let (conversations, answer) = &*shared;
            let request = webhook.read(|head| conversations.webhook_head(head)).await?;
            let event = request.with(|request| conversations.webhook(request)).map_err(|error| refuse(&error))?;
            let reply = conversations.reply(&answer(event).await);
            let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Ok::<_, Response>((status, [(CONTENT_TYPE, reply.content_type)], reply.body))
        }
    };
    Router::new().route(path, post(handler))
}

/// The route at which Twilio tells what is said in calls with a live transcription: the address of
/// [`StartTranscription`](voicecall_twilio::transcriptions::StartTranscription).
///
/// `take_in` is handed each event whose signature is right, as they come:
/// [`InOrder`](voicecall_twilio::transcriptions::InOrder) puts them in order. Twilio is answered when it is done. Others are
/// refused without it: 401 for a wrong signature, 400 for what is no event.
pub fn transcription_route<F, Fut>(path: &str, transcriptions: Arc<TwilioTranscriptions>, take_in: F) -> Router
where
    F: Fn(TranscriptionEvent) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    let shared = Arc::new((transcriptions, take_in));
    let handler = move |webhook: Webhook| {
        let shared = Arc::clone(&shared);
        async move {
            let (transcriptions, take_in) = &*shared;
            let request = webhook.read(|head| transcriptions.webhook_head(head)).await?;
            let event = request.with(|request| transcriptions.webhook(request)).map_err(|error| refuse(&error))?;
            take_in(event).await;
            Ok::<_, Response>(StatusCode::OK.into_response())
        }
    };
    Router::new().route(path, post(handler))
}
