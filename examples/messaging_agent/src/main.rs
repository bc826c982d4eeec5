//! A bakery that is written to by SMS and WhatsApp, and called: one agent, and one memory of each person.
//!
//! `cargo run -p messaging_agent -- demo` needs nothing; without `demo` it serves, with the keys in the environment.
#![allow(clippy::print_stdout, reason = "it shows what tools do")]

// The same tools as those of the bakery that is only called.
#[path = "../../voice_agent/src/bakery.rs"]
mod bakery;

use std::sync::Arc;

use voicecall::messaging::{
    AnswerPlan, AnswerRequest, IncomingMessage, MessageHandler, MessagingAccount, MessagingConfig, Messenger,
};
use voicecall::model::LanguageModel;
use voicecall::prelude::*;
use voicecall::store::MemoryStore;
use voicecall::twilio::TwilioMessaging;
use voicecall::{AccountName, Error, TenantId, Vault, async_trait};

use bakery::Bakery;

#[tokio::main]
async fn main() -> voicecall::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("demo") {
        return voicecall_sim::demo::run(include_str!("../demo.toml")).await;
    }
    let bakery = Arc::new(Bakery::default());
    let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate()?));
    let tenant = TenantId::new();
    let (number, public_url) = (setting("TWILIO_NUMBER")?, setting("PUBLIC_URL")?);

    let account = MessagingAccount::new(
        "twilio".parse()?,
        TwilioMessaging::from_env()?,
        [number.parse()?, format!("whatsapp:{number}").parse()?],
    );
    let config = MessagingConfig::new(public_url.parse().map_err(|_| Error::config("PUBLIC_URL", "an https address"))?);
    let chats = Chats { bakery: Arc::clone(&bakery), tenant, model: Arc::new(openai::OpenAiChat::from_env()?) };
    let messenger =
        Messenger::new(config, Arc::<MemoryStore>::clone(&store), vec![account], Arc::new(chats), Arc::clone(&vault))?;

    Server::builder()
        .log()
        .carrier(TwilioVoice::from_env()?)
        .number(&number)
        .agent(openai::cascade_from_env()?)
        .store(store)
        .vault(vault)
        .tenant(tenant)
        // What is said in calls is kept, so that it is known when the person writes: and they are told so.
        .keep(Keep::Announced("This call is with a computer, and what is said is kept.".to_owned()))
        .on_incoming(move |_call| {
            let call = CallOptions::new(dialogue(&bakery).greeting("Hello, the bakery here, how can I help?"));
            async move { Ok(IncomingDecision::connect(call.language("en"))) }
        })
        .build()?
        .messages(messenger)
        .serve(&std::env::var("LISTEN").unwrap_or("0.0.0.0:8080".to_owned()))
        .await
}

/// Who answers messages.
#[derive(Debug)]
struct Chats {
    bakery: Arc<Bakery>,
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
        Ok(AnswerPlan::dialogue(dialogue(&self.bakery), Arc::clone(&self.model)))
    }
}

/// The same agent by phone and by message.
fn dialogue(bakery: &Arc<Bakery>) -> LlmDialogue {
    LlmDialogue::new(
        "You answer for a bakery, by phone and by message. Be brief. Look opening hours up; book tables once you know the \
         day, the hour, for how many and the name.",
    )
    .goodbye("Thank you for calling, goodbye.")
    .tool(bakery.opening_hours())
    .tool(bakery.book_table())
}

fn setting(name: &'static str) -> voicecall::Result<String> {
    std::env::var(name).map_err(|_| Error::config(name, "a value in the environment"))
}
