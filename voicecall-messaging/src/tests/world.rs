//! A bakery that is written to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::dialogue::LlmDialogue;
use voicecall_core::messaging::IncomingMessage;
use voicecall_core::model::{ChatDelta, LanguageModel, ToolCall};
use voicecall_core::store::{MemoryStore, Message, PageRequest};
use voicecall_core::testing::{Script, ScriptedModel};
use voicecall_core::tool::Tool;
use voicecall_core::{Clock, ConversationId, Error, Result, TenantId, Vault, async_trait};

use super::carrier::FakeCarrier;
use crate::*;

pub(super) const OURS: &str = "+46700000001";
pub(super) const OURS_WHATSAPP: &str = "whatsapp:+46700000002";
pub(super) const ANNA: &str = "+46701740605";
pub(super) const ANNA_WHATSAPP: &str = "whatsapp:+46701740605";

type Plan = dyn Fn(&AnswerRequest) -> Result<AnswerPlan> + Send + Sync;

pub(super) struct Bakery {
    pub(super) tenant: TenantId,
    pub(super) plan: Mutex<Arc<Plan>>,
}

impl std::fmt::Debug for Bakery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bakery")
    }
}

#[async_trait]
impl MessageHandler for Bakery {
    async fn tenant_of(&self, _account: AccountName, _message: &IncomingMessage) -> Result<Option<TenantId>> {
        Ok(Some(self.tenant))
    }

    async fn answer(&self, request: &AnswerRequest) -> Result<AnswerPlan> {
        let plan = Arc::clone(&self.plan.lock().unwrap());
        plan(request)
    }
}

pub(super) struct World {
    pub(super) messenger: Arc<Messenger>,
    pub(super) bakery: Arc<Bakery>,
    pub(super) store: Arc<MemoryStore>,
    pub(super) vault: Arc<Vault>,
    pub(super) carrier: FakeCarrier,
    pub(super) config: MessagingConfig,
    running: Option<JoinHandle<()>>,
    came: AtomicU32,
}

impl World {
    /// A bakery whose model answers so.
    pub(super) fn new(model: ScriptedModel) -> (Self, Arc<ScriptedModel>) {
        let model = Arc::new(model);
        let world = Self::with_dialogue(|| LlmDialogue::new("You are a bakery."), Arc::clone(&model) as Arc<_>);
        (world, model)
    }

    pub(super) fn with_dialogue(
        build: impl Fn() -> LlmDialogue + Send + Sync + 'static,
        model: Arc<dyn LanguageModel>,
    ) -> Self {
        Self::with_plan(move |_| Ok(AnswerPlan::dialogue(build(), Arc::clone(&model))))
    }

    pub(super) fn with_plan(plan: impl Fn(&AnswerRequest) -> Result<AnswerPlan> + Send + Sync + 'static) -> Self {
        let mut config = MessagingConfig::new("https://bakery.example".parse().unwrap());
        config.clock = Clock::from("2026-11-28T08:00:00Z".parse().unwrap());
        let bakery = Arc::new(Bakery { tenant: TenantId::new(), plan: Mutex::new(Arc::new(plan)) });
        let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate().unwrap()));
        let carrier = FakeCarrier::default();
        let messenger = messenger(&config, &store, &carrier, &bakery, &vault);
        let mut world =
            Self { messenger, bakery, store, vault, carrier, config, running: None, came: AtomicU32::new(0) };
        world.start();
        world
    }

    /// A messenger over the same store, as another process has it, or the next one.
    pub(super) fn another(&self) -> Arc<Messenger> {
        messenger(&self.config, &self.store, &self.carrier, &self.bakery, &self.vault)
    }

    fn start(&mut self) {
        let messenger = Arc::clone(&self.messenger);
        self.running = Some(tokio::spawn(async move { messenger.run_background(std::future::pending()).await }));
    }

    /// Dies in the middle of whatever it does, and begins again.
    pub(super) async fn crash(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
        self.messenger = self.another();
        self.start();
    }

    pub(super) fn plan(&self, plan: impl Fn(&AnswerRequest) -> Result<AnswerPlan> + Send + Sync + 'static) {
        *self.bakery.plan.lock().unwrap() = Arc::new(plan);
    }

    pub(super) async fn deliver(&self, body: &str) -> Result<()> {
        self.deliver_about(WebhookOf::Account("main".parse().unwrap()), body).await
    }

    pub(super) async fn deliver_about(&self, of: WebhookOf, body: &str) -> Result<()> {
        let request = WebhookRequest { method: "POST", path_and_query: "/x", headers: &[], body: body.as_bytes() };
        self.messenger.webhook(of, &request).await.map(drop)
    }

    /// Somebody writes something new.
    pub(super) async fn write(&self, from: &str, text: &str) {
        self.write_with(from, "", text).await;
    }

    pub(super) async fn write_with(&self, from: &str, media: &str, text: &str) {
        let id = self.came.fetch_add(1, Ordering::Relaxed);
        let to = if from.starts_with("whatsapp") { OURS_WHATSAPP } else { OURS };
        self.deliver(&format!("secret|in|IN{id}|{from}|{to}|{media}|{text}")).await.unwrap();
    }

    /// Lets time go by.
    pub(super) async fn wait(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    pub(super) async fn conversation(&self) -> ConversationId {
        let all = self.messenger.conversations(self.bakery.tenant).list(None, PageRequest::default()).await.unwrap();
        assert_eq!(all.total, 1, "one person is one conversation");
        all.items[0].id
    }

    pub(super) async fn messages(&self) -> Vec<Message> {
        let id = self.conversation().await;
        self.messenger.conversations(self.bakery.tenant).messages(id, 0, 1000).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

fn messenger(
    config: &MessagingConfig,
    store: &Arc<MemoryStore>,
    carrier: &FakeCarrier,
    bakery: &Arc<Bakery>,
    vault: &Arc<Vault>,
) -> Arc<Messenger> {
    let addresses = [OURS, OURS_WHATSAPP].map(|address| address.parse().unwrap());
    let account = MessagingAccount::new("main".parse().unwrap(), carrier.clone(), addresses);
    let (store, bakery, vault) = (Arc::clone(store), Arc::clone(bakery), Arc::clone(vault));
    Messenger::new(config.clone(), store, vec![account], bakery, vault).unwrap()
}

/// A model that answers with these texts, one after the other.
pub(super) fn says<'a>(texts: impl IntoIterator<Item = &'a str>) -> ScriptedModel {
    texts.into_iter().fold(ScriptedModel::new(), |model, text| model.with_answer([text]))
}

/// An answer that calls a tool.
pub(super) fn calls(name: &str, arguments: &str) -> Script<ChatDelta> {
    let call = ToolCall { id: "c1".into(), name: name.into(), arguments: arguments.into() };
    Script::new().item(ChatDelta::ToolCall(call))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Nothing {}

/// A tool that counts how often it ran, and takes a while.
pub(super) fn counting(name: &str, seconds: u64) -> (Tool, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let tool = Tool::new(name, "").handler(move |_: Nothing, _| {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, Error>("done")
        }
    });
    (tool, count)
}

/// What a model was shown in its request number `at`.
pub(super) fn shown(model: &ScriptedModel, at: usize) -> String {
    let request = &model.requests()[at];
    request.messages.iter().map(|message| format!("{:?}: {}\n", message.role, message.content)).collect()
}
