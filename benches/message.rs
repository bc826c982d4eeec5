//! From the webhook of a message to its answer at the carrier, with a model that answers at once: the library's own share.
#![allow(missing_docs, clippy::expect_used, reason = "criterion's macros; a store in memory does not fail")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use voicecall::dialogue::LlmDialogue;
use voicecall::messaging::{
    AnswerPlan, AnswerRequest, IncomingMessage, MessageHandler, MessageState, MessagingAccount, MessagingConfig,
    Messenger, WebhookOf,
};
use voicecall::model::{ChatDelta, ChatRequest, LanguageModel, ResultStream};
use voicecall::store::MemoryStore;
use voicecall::{AccountName, Address, Result, TenantId, Vault, async_trait};
use voicecall_core::testing::ScriptedMessaging;

/// A model without a thought.
#[derive(Debug)]
struct Parrot;

impl LanguageModel for Parrot {
    fn name(&self) -> &'static str {
        "parrot"
    }

    fn chat(&self, _: ChatRequest) -> ResultStream<ChatDelta> {
        Box::pin(futures_util::stream::iter([Ok(ChatDelta::Text("On Sunday from eight to two.".to_owned()))]))
    }
}

/// Each message is of a tenant of its own, so that no conversation grows.
#[derive(Debug)]
struct Bakery;

#[async_trait]
impl MessageHandler for Bakery {
    async fn tenant_of(&self, _: AccountName, _: &IncomingMessage) -> Result<Option<TenantId>> {
        Ok(Some(TenantId::new()))
    }

    async fn answer(&self, _: &AnswerRequest) -> Result<AnswerPlan> {
        Ok(AnswerPlan::dialogue(LlmDialogue::new("You are a bakery."), Arc::new(Parrot)))
    }
}

fn reply(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (ours, theirs): (Address, Address) =
        ("+46700000001".parse().expect("an address"), "+46701740605".parse().expect("an address"));
    let name: AccountName = "main".parse().expect("a name");
    let account = MessagingAccount::new(name, ScriptedMessaging::new(), [ours.clone()]);
    let config = MessagingConfig::new("https://bakery.example".parse().expect("an address"));
    let vault = Arc::new(Vault::generate().expect("random bytes"));
    let messenger = Messenger::new(config, Arc::new(MemoryStore::new()), vec![account], Arc::new(Bakery), vault)
        .expect("a right configuration");
    let background = Arc::clone(&messenger);
    runtime.spawn(async move { background.run_background(std::future::pending()).await });
    let (mut events, count) = (messenger.watch(), AtomicU64::new(0));
    c.bench_function("message/webhook to answer sent, memory", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let id = format!("IN{}", count.fetch_add(1, Ordering::Relaxed));
                let message = IncomingMessage::new(theirs.clone(), ours.clone(), "Are you open on Sunday?");
                let request = ScriptedMessaging::message_of("/messages/main/incoming", &id, &message);
                let headers = request.headers();
                messenger.webhook(WebhookOf::Account(name), &request.request(&headers)).await.expect("taken in");
                while events.next().await.is_some_and(|event| event.message().state != MessageState::Sent) {}
            });
        });
    });
}

criterion_group!(benches, reply);
criterion_main!(benches);
