//! Everything that happens with calls and messages starts workflows, and is told to other systems by signed webhooks.
//!
//! `cargo run -p webhook_server -- demo` needs nothing; without `demo` it serves, with the keys in the environment.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

mod receiver;
mod workflows;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusBuilder;
use voicecall::messaging::{
    AnswerPlan, AnswerRequest, IncomingMessage, MessageHandler, MessagingAccount, MessagingConfig, Messenger,
};
use voicecall::model::LanguageModel;
use voicecall::monitor::{MetricsObserver, Telemetry};
use voicecall::prelude::*;
use voicecall::store::MemoryStore;
use voicecall::twilio::TwilioMessaging;
use voicecall::workflow::{HttpClient, WorkflowConfig, Workflows};
use voicecall::{AccountName, Error, TenantId, Vault, async_trait};

use receiver::Receiver;

const PERSONA: &str = "You answer for a bakery that is open from eight to six. Be brief.";

#[tokio::main]
async fn main() -> voicecall::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("demo") {
        return voicecall_sim::demo::run(include_str!("../demo.toml")).await;
    }
    // Traces and logs go to the collector at OTEL_EXPORTER_OTLP_ENDPOINT, if there is one.
    let telemetry = Telemetry::start(env!("CARGO_CRATE_NAME"), "info")?;
    let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate()?));
    let tenant = TenantId::new();
    let (number, public_url) = (setting("TWILIO_NUMBER")?, setting("PUBLIC_URL")?);
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let owner = std::env::var("OWNER_NUMBER").unwrap_or_else(|_| "+46700000099".to_owned());

    let addresses = [number.parse()?, format!("whatsapp:{number}").parse()?];
    let account = MessagingAccount::new("twilio".parse()?, TwilioMessaging::from_env()?, addresses);
    let config = MessagingConfig::new(public_url.parse().map_err(|_| Error::config("PUBLIC_URL", "an https address"))?);
    let chats = Arc::new(Chats { tenant, model: Arc::new(openai::OpenAiChat::from_env()?) });
    let kept = Arc::<MemoryStore>::clone(&store);
    let messenger = Messenger::new(config, kept, vec![account], chats, Arc::clone(&vault))?;

    let metrics = PrometheusBuilder::new().install_recorder();
    let metrics = metrics.map_err(|error| Error::config("metrics", "one recorder").with_source(error))?;
    let observer = Arc::new(MetricsObserver::new());
    // The other system: a route of this server, unless an address of another one is given.
    let elsewhere = std::env::var("WEBHOOK_URL").ok();
    let mut config = WorkflowConfig::default();
    config.observer = Some(Arc::<MetricsObserver>::clone(&observer));
    config.client = Some(Arc::new(HttpClient::new()?));
    if elsewhere.is_none() {
        // Addresses of this machine are refused otherwise: a tenant could have its inner services called.
        config.client = Some(Arc::new(HttpClient::for_private_addresses()?));
        config.allows_private_addresses = true;
    }
    let all = [
        workflows::tell_owner(messenger.conversations(tenant), owner.parse()?),
        workflows::try_another_channel(messenger.conversations(tenant), format!("whatsapp:{owner}").parse()?),
        workflows::alert(),
    ];
    let workflows = Workflows::new(config, Arc::<MemoryStore>::clone(&store), all, Arc::clone(&vault))?;

    let url = elsewhere.unwrap_or_else(|| format!("http://{listen}/receiver"));
    let url = url.parse().map_err(|_| Error::config("WEBHOOK_URL", "an address"))?;
    let subscription = workflows.subscriptions(tenant).add(url, []).await?;
    let receiver = Arc::new(Receiver::new(workflows.subscriptions(tenant).secret(subscription.id).await?));

    let server = Server::builder()
        .carrier(TwilioVoice::from_env()?)
        .number(&number)
        .agent(openai::cascade_from_env()?)
        .store(store)
        .vault(vault)
        .tenant(tenant)
        .keep(Keep::Announced("This call is with a computer, and what is said is kept.".to_owned()))
        .on_incoming(async |_call| {
            let dialogue = LlmDialogue::new(PERSONA).greeting("Hello, the bakery here, how can I help?");
            Ok(IncomingDecision::connect(CallOptions::new(dialogue.goodbye("Goodbye.")).language("en")))
        })
        .routes(Router::new().route("/metrics", get(move || std::future::ready(metrics.render()))))
        .routes(Router::new().route("/receiver", post(receiver::receive)).with_state(receiver))
        .build()?
        .messages(messenger)
        .workflows(workflows);
    server.engine().add_observer(observer);
    println!("health: http://{listen}/health");
    println!("metrics: http://{listen}/metrics");
    let served = server.serve(&listen).await;
    telemetry.stop().await;
    served
}

/// Who answers messages.
#[derive(Debug)]
struct Chats {
    tenant: TenantId,
    model: Arc<dyn LanguageModel>,
}

#[async_trait]
impl MessageHandler for Chats {
    async fn tenant_of(
        &self,
        _account: AccountName,
        _message: &IncomingMessage,
    ) -> voicecall::Result<Option<TenantId>> {
        Ok(Some(self.tenant))
    }

    async fn answer(&self, _request: &AnswerRequest) -> voicecall::Result<AnswerPlan> {
        Ok(AnswerPlan::dialogue(LlmDialogue::new(PERSONA), Arc::clone(&self.model)))
    }
}

fn setting(name: &'static str) -> voicecall::Result<String> {
    std::env::var(name).map_err(|_| Error::config(name, "a value in the environment"))
}
