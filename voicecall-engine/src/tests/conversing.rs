//! Calls that are conducted in text: the carrier hears and speaks.

use std::sync::Arc;
use std::time::Duration;

use super::world::*;
use crate::*;
use voicecall_core::agent::Cascade;
use voicecall_core::call::Keep;
use voicecall_core::carrier::{CallStatus, ConverseSettings, VoiceCapabilities, WebhookReply};
use voicecall_core::dialogue::{AskConsent, LlmDialogue};
use voicecall_core::media::StreamStart;
use voicecall_core::store::*;
use voicecall_core::testing::{CarrierRequest, PairedPeer, ScriptedCarrier, ScriptedModel, ScriptedText};
use voicecall_core::text_media::{TextCommand, TextEvent};
use voicecall_core::{CarrierCallId, Error, ErrorKind};

const ANNOUNCED: &str = "This call is kept.";

/// A world in which calls are conducted in text and kept, with a model that has these answers.
fn world(answers: &[&str]) -> (World, Arc<ScriptedModel>) {
    let model = Arc::new(answers.iter().fold(ScriptedModel::new(), |model, answer| model.with_answer([*answer])));
    let agent = Arc::new(Cascade::of_model(Arc::<ScriptedModel>::clone(&model)));
    let how = ConverseSettings::new("en-GB").with_announcement(ANNOUNCED);
    let world = World::through(|account| account.converse(how), |_| {}, agent, ScriptedCarrier::new());
    world.desk.decides(world.tenant, Decides::Connect);
    *world.desk.unrecorded.lock().unwrap() = Some(Keep::Announced(ANNOUNCED.into()));
    (world, model)
}

fn bakery() -> LlmDialogue {
    LlmDialogue::new("You are a bakery.").greeting("Hello, how can I help?").goodbye("Goodbye.")
}

/// The carrier's side of a conversation.
struct Caller(PairedPeer);

impl Caller {
    async fn begin(peer: PairedPeer, call: &str) -> Self {
        let start = StreamStart { stream: None, account: None, call: CarrierCallId::new(call), parameters: [].into() };
        peer.send(ScriptedText::write(&TextEvent::Started(start))).await;
        Self(peer)
    }

    async fn says(&self, words: &str) {
        let heard = TextEvent::Heard { words: words.into(), language: None };
        assert!(self.0.send(ScriptedText::write(&heard)).await);
    }

    /// The next utterance, whole; nothing once the conversation has ended.
    async fn hears(&mut self) -> Option<String> {
        let mut said = String::new();
        loop {
            match ScriptedText::read(&self.0.receive().await?).unwrap() {
                TextCommand::Say { words, last, .. } => {
                    said.push_str(&words);
                    if last {
                        return Some(said);
                    }
                }
                TextCommand::End => return None,
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The token in a reply that has the carrier converse, behind the announcement.
fn converse_token(reply: &WebhookReply) -> String {
    let steps: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((&steps[0]["say"], &steps[0]["language"]), (&ANNOUNCED.into(), &"en-GB".into()), "{}", reply.body);
    assert!(steps[1]["next"].as_str().unwrap().ends_with("/resume"), "{}", reply.body);
    let url = steps[1]["converse"].as_str().unwrap_or_else(|| panic!("no conversation in {}", reply.body));
    url.strip_prefix("wss://calls.example/media/").unwrap().to_owned()
}

type Run = tokio::task::JoinHandle<voicecall_core::Result<EndReason>>;

async fn connect(world: &World, call: &str, reply: &WebhookReply) -> (Run, Caller) {
    let (run, peer) = world.run(world.admit(&converse_token(reply)).unwrap());
    (run, Caller::begin(peer, call).await)
}

async fn only_session(world: &World) -> (Session, CallKey) {
    let all =
        world.store.inner.sessions(world.tenant, &SessionFilter::default(), PageRequest::default()).await.unwrap();
    let [session] = &*all.items else { panic!("one session") };
    (session.clone(), CallKey::of(&world.last_attempt(session.id).await).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_in_is_conducted_in_text_and_kept() {
    let (world, _) = world(&["We open at eight."]);
    world.desk.will_hold(bakery());
    let (run, mut caller) = connect(&world, "CA1", &world.rings("CA1").await.unwrap()).await;
    assert_eq!(caller.hears().await.as_deref(), Some("Hello, how can I help?"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    caller.says("When do you open?").await;
    assert_eq!(caller.hears().await.as_deref(), Some("We open at eight."));
    let (session, key) = only_session(&world).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.report(key, "CA1", CallStatus::Completed).await.unwrap();
    drop(caller);
    assert_eq!(run.await.unwrap().unwrap(), EndReason::RemoteHangup);
    let transcript = world.transcript(session.id).await.unwrap();
    for line in ["Hello, how can I help?", "When do you open?", "We open at eight."] {
        assert!(transcript.contains(line), "{transcript}");
    }
    assert!(!world.carrier.requests().iter().any(|request| matches!(request, CarrierRequest::HangUp(_))));
}

#[tokio::test(start_paused = true)]
async fn a_call_of_ours_is_conducted_in_text_and_ended_at_the_carrier_behind_the_goodbye() {
    let (world, _) = world(&[]);
    world.desk.will_hold(bakery().silence(Vec::<String>::new()));
    let placed = world.placed().await;
    let reply = world.answer(placed.key, &placed.call).await.unwrap();
    let (run, mut caller) = connect(&world, &placed.call, &reply).await;
    assert_eq!(caller.hears().await.as_deref(), Some("Hello, how can I help?"));
    assert_eq!(caller.hears().await.as_deref(), Some("Goodbye."));
    assert_eq!(caller.hears().await, None);
    assert_eq!(run.await.unwrap().unwrap(), EndReason::NoResponse);
    assert!(world.carrier.requests().iter().any(|request| matches!(request, CarrierRequest::HangUp(_))));
}

#[tokio::test(start_paused = true)]
async fn a_lost_socket_is_continued_with_the_history() {
    let (world, model) = world(&["Hello Anna.", "Welcome back."]);
    world.desk.will_hold(bakery());
    let (run, mut caller) = connect(&world, "CA1", &world.rings("CA1").await.unwrap()).await;
    caller.hears().await;
    caller.says("I am Anna.").await;
    assert_eq!(caller.hears().await.as_deref(), Some("Hello Anna."));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (session, key) = only_session(&world).await;
    // Only the carrier knows that the socket is dead.
    world.desk.will_hold(bakery());
    let reply = world.resume(key, "CA1").await.unwrap();
    run.await.unwrap().unwrap();
    let (run, mut again) = connect(&world, "CA1", &reply).await;
    assert!(again.hears().await.is_some(), "an apology");
    assert_eq!(again.hears().await.as_deref(), Some("Welcome back."));
    let shown = model.requests().pop().unwrap().messages;
    for words in ["I am Anna.", "Hello Anna."] {
        assert!(shown.iter().any(|message| message.content.contains(words)), "{shown:?}");
    }
    world.report(key, "CA1", CallStatus::Completed).await.unwrap();
    drop((caller, again));
    assert_eq!(run.await.unwrap().unwrap(), EndReason::RemoteHangup);
    assert_eq!(world.read(session.id).await.end_reason, Some(EndReason::RemoteHangup));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_process_was_killed_goes_on_in_another_with_the_history() {
    let (world, model) = world(&["Hello Anna."]);
    world.desk.will_hold(bakery());
    let (run, mut caller) = connect(&world, "CA1", &world.rings("CA1").await.unwrap()).await;
    caller.hears().await;
    caller.says("I am Anna.").await;
    caller.hears().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (session, key) = only_session(&world).await;
    run.abort();
    world.carrier.has_call("CA1", CallStatus::InProgress);
    let next = world.restarted();
    *next.desk.agent.lock().unwrap() = Arc::new(Cascade::of_model(Arc::<ScriptedModel>::clone(&model)));
    assert_eq!(next.engine.recover().await.unwrap().live, 1);
    next.desk.will_hold(bakery());
    let (_run, mut again) = connect(&next, "CA1", &next.resume(key, "CA1").await.unwrap()).await;
    assert!(again.hears().await.is_some(), "an apology");
    settle().await;
    let shown = model.requests().pop().unwrap().messages;
    assert!(shown.iter().any(|message| message.content.contains("I am Anna.")), "{shown:?}");
    assert_eq!(next.read(session.id).await.status, SessionStatus::InProgress);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_ended_with_its_call_is_no_lost_socket() {
    let (world, _) = world(&[]);
    world.desk.will_hold(bakery());
    let (run, mut caller) = connect(&world, "CA1", &world.rings("CA1").await.unwrap()).await;
    caller.hears().await;
    let (_, key) = only_session(&world).await;
    let reply = world.resume_in(key, "CA1", CallStatus::Completed).await.unwrap();
    assert!(reply.body.contains("hang_up"), "{}", reply.body);
    drop(caller);
    assert_eq!(run.await.unwrap().unwrap(), EndReason::RemoteHangup);
}

#[tokio::test(start_paused = true)]
async fn what_needs_sound_or_a_disclosure_is_refused_before_the_call() {
    let refused = |keep: Keep| async {
        let (world, _) = world(&[]);
        *world.desk.unrecorded.lock().unwrap() = Some(keep);
        world.desk.will_hold(bakery());
        let session = world.session().await;
        let error = world.engine.place(&session).await.unwrap_err();
        assert!(world.carrier.orders().is_empty(), "nobody was called");
        error.field().map(str::to_owned)
    };
    assert_eq!(refused(Keep::AfterConsent).await.as_deref(), Some("plan.keep"));
    assert_eq!(refused(Keep::Announced("Something else.".into())).await.as_deref(), Some("plan.keep"));

    let (world, _) = world(&[]);
    world.desk.will_hold(AskConsent::new("May it be kept?").then(bakery()));
    let error = world.engine.place(&world.session().await).await.unwrap_err();
    assert_eq!(error.field(), Some("plan.dialogue"));

    // In calls with audio an agent has to hear and speak.
    let mute = Arc::new(Cascade::of_model(Arc::new(ScriptedModel::new())));
    let world = World::with(|_| {}, mute);
    let error = world.engine.place(&world.session().await).await.unwrap_err();
    assert_eq!(error.field(), Some("agent"));
}

#[test]
fn a_carrier_that_cannot_converse_is_refused_at_the_start() {
    let mut able = VoiceCapabilities::all();
    able.converse = false;
    let carrier = Arc::new(ScriptedCarrier::new().with_capabilities(able));
    let world = World::new();
    let error: Error =
        world.engine.set_account(account(&carrier).converse(ConverseSettings::new("sv-SE"))).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("converse")));
}
