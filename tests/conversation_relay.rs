//! Calls over Twilio's ConversationRelay: the emulated Twilio hears and speaks, and a model's dialogue is what it exchanges
//! text with, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod emulated;

use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use voicecall::agent::Cascade;
use voicecall::call::Keep;
use voicecall::carrier::{ConverseSettings, InterruptedBy};
use voicecall::dialogue::LlmDialogue;
use voicecall::engine::CallOutcome;
use voicecall::journal::transcript;
use voicecall::store::{EndReason, EngineStore, MemoryStore, Session};
use voicecall::{Call, IncomingDecision, Server, Vault};
use voicecall_core::audio::{FRAME_SAMPLES, Frame};
use voicecall_core::testing::ScriptedModel;
use voicecall_sim::caller::{CallerLog, ScriptedCaller};
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall_sim::labels::Labels;
use voicecall_sim::scenario::Scenario;
use voicecall_sim::twilio::server::TwilioServer;
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, LogEvent, Number};

use emulated::{ACCOUNT, OURS, PUBLIC, THEIRS, TOKEN};

const ANNOUNCED: &str = "This call is kept.";

/// Who calls whom.
enum Begins {
    TheyCall,
    WeCall,
}

/// A Twilio at which one caller behaves as a scenario says, and an application that conducts its calls in text.
struct World {
    twilio: TwilioServer,
    server: Option<(Server, TcpListener)>,
    /// Who calls or is called, until they do, and what they heard.
    caller: Arc<Mutex<Option<ScriptedCaller>>>,
    log: CallerLog,
    store: Arc<dyn EngineStore>,
    model: Arc<ScriptedModel>,
    outcomes: mpsc::Receiver<CallOutcome>,
}

fn bakery() -> LlmDialogue {
    LlmDialogue::new("You answer the phone of a bakery.").greeting("Hello, how can I help?")
}

/// The carrier, which speaks so that words can be heard again.
fn exchange(caller: &Arc<Mutex<Option<ScriptedCaller>>>, labels: &Labels, fault: Option<Fault>) -> Exchange {
    let numbers = vec![Number::answered_by(OURS, format!("{PUBLIC}/voice/twilio/incoming"))];
    let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, numbers)]);
    let rules = fault.into_iter().map(|fault| FaultRule::nth(Site::MediaSocket, 1, fault)).collect();
    options.faults = FaultPlan::new(1, rules).unwrap();
    let (caller, spoken, heard) = (Arc::clone(caller), labels.clone(), labels.clone());
    Exchange::new(options, move |_| Box::new(caller.lock().unwrap().take().unwrap()))
        .with_speaker(move |text, _| Some(spoken.speak("agent", text).audio.clone()))
        .with_recogniser(move |audio, _| {
            let frame = |codes: &[u8]| Frame::from(<[u8; FRAME_SAMPLES]>::try_from(codes).unwrap());
            let words = heard.read(audio.chunks_exact(FRAME_SAMPLES).map(frame));
            (!words.is_empty()).then_some((words, 1.0))
        })
}

impl World {
    async fn new(steps: &str, answers: &[&[&str]], fault: Option<Fault>) -> Self {
        let text = format!("name = \"relay\"\nseed = 1\n[caller]\nanswer = {{ after = \"100 ms\" }}\n{steps}");
        let labels = Labels::new();
        let caller = ScriptedCaller::with_labels(&text.parse::<Scenario>().unwrap(), &labels).unwrap();
        let (log, caller) = (caller.log(), Arc::new(Mutex::new(Some(caller))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let twilio = emulated::serve(listener.local_addr().unwrap(), exchange(&caller, &labels, fault)).await;
        let model =
            answers.iter().fold(ScriptedModel::new(), |model, answer| model.with_answer(answer.iter().copied()));
        let (model, store) = (Arc::new(model), Arc::new(MemoryStore::new()) as Arc<dyn EngineStore>);
        let (finished, outcomes) = mpsc::channel(4);
        let how = ConverseSettings::new("en-GB").with_interrupted_by(InterruptedBy::Speech);
        let server = Server::builder()
            .carrier(emulated::carrier(&twilio, TOKEN))
            .number(OURS)
            .converse(how.with_announcement(ANNOUNCED))
            .agent(Arc::new(Cascade::of_model(Arc::<ScriptedModel>::clone(&model))))
            .keep(Keep::Announced(ANNOUNCED.into()))
            .store(Arc::clone(&store))
            .vault(Vault::generate().unwrap())
            .public_url(PUBLIC)
            .on_incoming(async |_| Ok(IncomingDecision::connect(bakery())))
            .on_finished(move |outcome| {
                let finished = finished.clone();
                async move { finished.send(outcome).await.unwrap() }
            })
            .build()
            .unwrap();
        Self { twilio, server: Some((server, listener)), caller, log, store, model, outcomes }
    }

    /// Serves until one call is over. Returns its session and what was said in it.
    async fn one_call(&mut self, begins: Begins) -> (Session, String) {
        let (server, listener) = self.server.take().unwrap();
        let calls = server.calls();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve_on(listener, async {
            let _ = stopped.await;
        }));
        match begins {
            Begins::TheyCall => {
                let caller = self.caller.lock().unwrap().take().unwrap();
                self.twilio.call_in(THEIRS, OURS, Box::new(caller)).unwrap();
            }
            Begins::WeCall => drop(calls.place(Call::to(THEIRS).dialogue(bakery())).await.unwrap()),
        }
        let session = self.outcomes.recv().await.unwrap().session;
        stop.send(()).unwrap();
        serving.await.unwrap().unwrap();
        let journal = self.store.journal(session.tenant, session.id).await.unwrap();
        let lines: Vec<String> = transcript(&journal).iter().map(ToString::to_string).collect();
        (session, lines.join("\n"))
    }

    fn warnings(&self) -> Vec<u32> {
        let code = |event| if let LogEvent::Warning { code, .. } = event { Some(code) } else { None };
        self.twilio.log().into_iter().filter_map(|entry| code(entry.event)).filter(|code| *code != 0).collect()
    }
}

#[tokio::test]
async fn who_calls_hears_the_announcement_is_answered_and_hangs_up() {
    let caller = r#"
        [[caller.step]]
        hears = "How can I help?"
        say = "When do you open?"

        [[caller.step]]
        hears = "open at eight."
        hang_up = true
    "#;
    let mut world = World::new(caller, &[&["We", " open", " at eight."]], None).await;
    let (session, said) = world.one_call(Begins::TheyCall).await;
    assert_eq!(session.end_reason, Some(EndReason::RemoteHangup), "{said}");
    assert_eq!(world.warnings(), [0; 0]);
    let heard = world.log.heard();
    assert_eq!(heard, format!("{ANNOUNCED} Hello, how can I help? We open at eight."));
    for line in ["Hello, how can I help?", "When do you open?", "We open at eight."] {
        assert!(said.contains(line), "{said}");
    }
}

#[tokio::test]
async fn who_is_called_interrupts_and_only_what_they_heard_is_remembered() {
    let caller = r#"
        [[caller.step]]
        hears = "How can I help?"
        say = "Tell me everything."

        [[caller.step]]
        hears = "buns and cakes"
        interrupt_after = "100 ms"
        say = "Only bread, please."

        [[caller.step]]
        hears = "Bread it is."
        hang_up = true
    "#;
    let long: &[&str] = &["We have buns and cakes", " and pies and tarts and rolls and many other things besides."];
    let mut world = World::new(caller, &[long, &["Bread it is."]], None).await;
    let (session, said) = world.one_call(Begins::WeCall).await;
    assert_eq!(session.end_reason, Some(EndReason::RemoteHangup), "{said}");
    assert!(
        world.log.heard().contains("buns and cakes") && !world.log.heard().contains("besides"),
        "{}",
        world.log.heard()
    );
    let shown = world.model.requests().pop().unwrap().messages;
    let answer = shown.iter().find(|message| message.content.starts_with("We have")).unwrap();
    assert!(!answer.content.contains("besides"), "{answer:?}");
    assert_eq!(shown.last().unwrap().content, "Only bread, please.");
    assert_eq!(world.warnings(), [0; 0]);
}

#[tokio::test]
async fn a_lost_socket_is_asked_about_at_its_action_and_the_call_goes_on() {
    let caller = r#"
        [[caller.step]]
        hears = "How can I help?"
        say = "I am Anna."

        [[caller.step]]
        hears = "Where were we, Anna?"
        hang_up = true
    "#;
    // Six seconds into the conversation the socket breaks.
    let fault = Some(Fault::Reset { at_frame: 300 });
    let answers: &[&[&str]] = &[&["Hello Anna."], &["Where were we, Anna?"]];
    let mut world = World::new(caller, answers, fault).await;
    let (session, said) = world.one_call(Begins::TheyCall).await;
    assert_eq!(session.end_reason, Some(EndReason::RemoteHangup), "{said}");
    assert_eq!(world.warnings(), [64105]);
    let shown = world.model.requests().pop().unwrap().messages;
    for words in ["I am Anna.", "Hello Anna."] {
        assert!(shown.iter().any(|message| message.content.contains(words)), "{shown:?}");
    }
}
