//! Where carriers ask about calls to our numbers: set at the start if wanted, compared otherwise.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod emulated;

use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use voicecall::carrier::{NumberWebhooks, VoiceBackend, VoiceCapabilities};
use voicecall::dialogue::Scripted;
use voicecall::engine::CarrierAccount;
use voicecall::store::EndReason;
use voicecall::{ErrorKind, IncomingDecision, PhoneNumber, Server, ServerBuilder};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_sim::twilio::{Account, Number};

use emulated::{ACCOUNT, OURS, PUBLIC, THEIRS, TOKEN, agent, party};

fn number(digits: &str) -> PhoneNumber {
    digits.parse().unwrap()
}

fn server(carrier: &Arc<ScriptedCarrier>) -> ServerBuilder {
    let account = CarrierAccount::of(Arc::<ScriptedCarrier>::clone(carrier)).unwrap();
    let account = account.number(number(OURS)).number(number("+46700000002"));
    Server::builder()
        .account(account)
        .agent(agent())
        .public_url(PUBLIC)
        .on_incoming(async |_| Ok(IncomingDecision::reject()))
}

/// What a server logs while it starts and stops.
async fn warnings(builder: ServerBuilder) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Warnings(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Warnings {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            struct Text(String);
            impl Visit for Text {
                fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                    self.0.push_str(&format!("{}={value:?} ", field.name()));
                }
            }
            if *event.metadata().level() == tracing::Level::WARN {
                let mut text = Text(String::new());
                event.record(&mut text);
                self.0.lock().unwrap().push(text.0);
            }
        }
    }

    let warnings = Warnings::default();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(warnings.clone()));
    builder.build().unwrap().start("127.0.0.1:0").await.unwrap().stop().await.unwrap();
    drop(guard);
    warnings.0.lock().unwrap().clone()
}

/// A carrier that can be told nothing, and has an address for each socket.
fn unable() -> VoiceCapabilities {
    let mut able = VoiceCapabilities::none();
    able.media_addresses = true;
    able
}

#[tokio::test]
async fn a_number_that_leads_elsewhere_is_warned_of_unless_nobody_answers() {
    let carrier = Arc::new(ScriptedCarrier::new());
    let ours = NumberWebhooks { incoming: "https://calls.example/voice/scripted/incoming".parse().ok(), status: None };
    carrier.set_number_webhooks(&number(OURS), &ours).await.unwrap();
    let old = NumberWebhooks { incoming: "https://key:secret@old.example/ask?token=1".parse().ok(), status: None };
    carrier.set_number_webhooks(&number("+46700000002"), &old).await.unwrap();

    let warned = warnings(server(&carrier)).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    let named = ["+46*******02", "https://old.example/ask", "https://calls.example/voice/scripted/incoming"];
    assert!(named.iter().all(|part| warned[0].contains(part)), "{warned:?}");
    assert!(!warned[0].contains("secret") && !warned[0].contains("token"), "{warned:?}");
    let unchanged = carrier.number_webhooks(&number("+46700000002")).await.unwrap();
    assert_eq!(unchanged, old, "it was only looked");

    let account = CarrierAccount::of(Arc::<ScriptedCarrier>::clone(&carrier)).unwrap().number(number("+46700000002"));
    let places_only = Server::builder().account(account).agent(agent()).public_url(PUBLIC);
    assert!(warnings(places_only).await.is_empty());

    let without = Arc::new(ScriptedCarrier::new().with_capabilities(unable()));
    assert!(warnings(server(&without)).await.is_empty(), "what cannot be asked is not");
}

#[tokio::test]
async fn what_cannot_be_configured_is_an_error_that_names_it() {
    let start = async |builder: ServerBuilder| {
        let started = builder.configure_numbers(true).build().unwrap().start("127.0.0.1:0").await;
        started.map(drop).unwrap_err()
    };
    let carrier = Arc::new(ScriptedCarrier::new());
    carrier.does_not_own(number("+46700000002"));
    let error = start(server(&carrier)).await;
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("number")));
    assert!(error.to_string().contains("+46*******02 does not belong to this account"), "{error}");

    let without = Arc::new(ScriptedCarrier::new().with_capabilities(unable()));
    assert_eq!(start(server(&without)).await.kind(), ErrorKind::Unsupported);

    let nameless = Server::builder().carrier(ScriptedCarrier::new()).agent(agent()).public_url(PUBLIC);
    assert_eq!(start(nameless).await.field(), Some("number"));
}

#[tokio::test]
async fn a_number_that_was_configured_is_answered_here() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lost = Number::answered_by(OURS, "https://old.example/ask");
    let accounts = vec![Account::new(ACCOUNT, TOKEN, vec![lost])];
    let twilio = emulated::twilio(listener.local_addr().unwrap(), accounts).await;
    let carrier = emulated::carrier(&twilio, TOKEN);
    let server = Server::builder()
        .carrier(carrier)
        .number(OURS)
        .configure_numbers(true)
        .agent(agent())
        .public_url(PUBLIC)
        .on_incoming(async |_| Ok(IncomingDecision::connect(Scripted::new(["Hello."]))))
        .build()
        .unwrap();
    let running = server.start_on(listener).await.unwrap();
    let mut events = running.engine().subscribe();
    twilio.call_in(THEIRS, OURS, party()).unwrap();
    let reason = loop {
        if let voicecall::engine::LiveEventKind::Ended { reason, .. } = events.recv().await.unwrap().kind {
            break reason;
        }
    };
    assert_eq!(reason, EndReason::Completed);
    running.stop().await.unwrap();
}
