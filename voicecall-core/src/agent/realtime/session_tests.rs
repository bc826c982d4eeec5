//! The agent with a scripted model and a scripted cascade, under virtual time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::agent::{Cascade, Respond, VoiceAgent};
use crate::model::{
    ChatMessage, ChatRole, ItemId, RealtimeCommand, RealtimeItem, SpeechOptions, TokenUsage, ToolCall, ToolSpec,
    Transcript, TranscriptionOptions, Trust,
};
use crate::testing::{RealtimePiece, Script, ScriptedModel, ScriptedRealtime, ScriptedTranscriber, ScriptedVoice};

const LISTEN: OpId = OpId(1);
const RESPOND: OpId = OpId(2);
const SECOND: Duration = Duration::from_secs(1);

struct Stage {
    model: Arc<ScriptedRealtime>,
    stt: Arc<ScriptedTranscriber>,
    llm: Arc<ScriptedModel>,
    session: Box<dyn AgentSession>,
}

impl Stage {
    async fn open(model: ScriptedRealtime) -> Self {
        Self::beside(model, ScriptedTranscriber::new(), ScriptedModel::new(), ScriptedVoice::new()).await
    }

    async fn beside(
        model: ScriptedRealtime,
        stt: ScriptedTranscriber,
        llm: ScriptedModel,
        voice: ScriptedVoice,
    ) -> Self {
        let (model, stt, llm) = (Arc::new(model), Arc::new(stt), Arc::new(llm));
        let cascade = Cascade::new(Arc::clone(&stt) as _, Arc::clone(&llm) as _, Arc::new(voice));
        let setup = AgentSetup {
            transcription: TranscriptionOptions { language: Some("sv".into()), keywords: vec!["Pineapple".into()] },
            speech: SpeechOptions { voice: Some("marin".into()), language: Some("sv".into()) },
        };
        let session = Realtime::new(Arc::clone(&model) as _, cascade).open(&setup).await.unwrap();
        Self { model, stt, llm, session }
    }

    /// The events of `op` until its end.
    async fn run(&mut self, op: OpId) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        loop {
            let (of, event) = timeout(100 * SECOND, self.session.next()).await.unwrap_or_else(|_| panic!("{events:?}"));
            assert_eq!(of, op, "{event:?}");
            if let AgentEvent::Speech(chunk) = &event {
                self.session.grant(op, chunk.audio.len() as u64);
            }
            let last = matches!(event, AgentEvent::Done | AgentEvent::Failed(_));
            events.push(event);
            if last {
                return events;
            }
        }
    }

    /// A turn of the caller of half a second, and what was understood of it.
    async fn turn(&mut self, op: OpId) -> Vec<AgentEvent> {
        self.session.start(op, AgentTask::Listen { audio: vec![Frame::SILENCE; 20] });
        for _ in 0..5 {
            self.session.hear(op, &Frame::SILENCE).unwrap();
        }
        self.session.finish(op);
        self.run(op).await
    }

    fn respond(&mut self, op: OpId, said: &[ChatMessage]) {
        self.session.start(op, respond(said));
    }

    async fn is_idle(&mut self) -> bool {
        timeout(Duration::from_secs(3600), self.session.next()).await.is_err()
    }
}

fn respond(said: &[ChatMessage]) -> AgentTask {
    let mut messages = vec![ChatMessage::new(ChatRole::System, "Be kind.")];
    messages.extend_from_slice(said);
    let tool = ToolSpec { name: "book".into(), description: "Books.".into(), parameters: serde_json::json!({}) };
    AgentTask::Respond(Respond { messages, tools: vec![tool], max_tokens: 300 })
}

fn caller(words: &str) -> ChatMessage {
    ChatMessage::new(ChatRole::User, words)
}

fn agent(words: &str) -> ChatMessage {
    ChatMessage::new(ChatRole::Assistant, words)
}

fn words(events: &[AgentEvent]) -> String {
    events
        .iter()
        .filter_map(|event| if let AgentEvent::Token(text) = event { Some(text.as_str()) } else { None })
        .collect()
}

fn samples(events: &[AgentEvent]) -> usize {
    events.iter().map(|event| if let AgentEvent::Speech(chunk) = event { chunk.audio.len() } else { 0 }).sum()
}

fn understood(events: &[AgentEvent]) -> &str {
    match events {
        [AgentEvent::Transcript(transcript), AgentEvent::Done] => &transcript.text,
        other => panic!("{other:?}"),
    }
}

fn failure(events: &[AgentEvent]) -> ErrorKind {
    match events.last() {
        Some(AgentEvent::Failed(error)) => error.kind(),
        other => panic!("no failure: {other:?}"),
    }
}

fn count(commands: &[RealtimeCommand], is_it: impl Fn(&RealtimeCommand) -> bool) -> usize {
    commands.iter().filter(|command| is_it(command)).count()
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_heard_and_answered_aloud_by_the_model() {
    let usage = TokenUsage { input: 90, cached: 0, output: 40, ..TokenUsage::default() };
    let answer = Script::new()
        .item(RealtimePiece::Text("Hello ".into()))
        .item(RealtimePiece::Sound(SECOND / 2))
        .item(RealtimePiece::Text("you.".into()))
        .item(RealtimePiece::Sound(SECOND / 2))
        .item(RealtimePiece::Usage(usage));
    let mut stage = Stage::open(ScriptedRealtime::new().with_text("Hi.", SECOND / 2).with_script(answer)).await;
    assert_eq!(understood(&stage.turn(LISTEN).await), "Hi.");
    stage.respond(RESPOND, &[caller("Hi.")]);
    let events = stage.run(RESPOND).await;
    assert_eq!((words(&events).as_str(), samples(&events)), ("Hello you.", 8000));
    let kinds: Vec<_> = events.iter().filter(|event| !matches!(event, AgentEvent::Speech(_))).collect();
    assert!(
        matches!(kinds[..], [AgentEvent::Token(_), AgentEvent::Token(_), AgentEvent::Usage(used), AgentEvent::TextDone, AgentEvent::Done] if *used == usage),
        "{kinds:?}"
    );
    let [
        RealtimeCommand::Commit,
        RealtimeCommand::Configure { instructions, tools },
        RealtimeCommand::Respond { max_tokens: 300 },
    ] = &stage.model.commands()[..]
    else {
        panic!("{:?}", stage.model.commands())
    };
    assert_eq!((instructions.as_str(), tools.len(), stage.model.frames()), ("Be kind.", 1, 25));
    let options = &stage.model.connections()[0];
    assert_eq!(
        (options.transcription.language.as_deref(), options.speech.voice.as_deref()),
        (Some("sv"), Some("marin"))
    );
    assert!(stage.stt.requests().is_empty() && stage.llm.requests().is_empty(), "the cascade has nothing to do");
    assert!(stage.is_idle().await);
}

/// A first turn and its answer, behind which the model knows its instructions.
async fn acquainted(model: ScriptedRealtime) -> Stage {
    let model = ScriptedRealtime::new()
        .with_text("Hi.", Duration::ZERO)
        .with_answer("Hello.", SECOND, Duration::ZERO)
        .also(model);
    let mut stage = Stage::open(model).await;
    stage.turn(LISTEN).await;
    stage.respond(RESPOND, &[caller("Hi.")]);
    stage.run(RESPOND).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_made_while_the_words_are_written_down() {
    let model = ScriptedRealtime::new().with_text("And now?", SECOND).with_answer("Nothing.", SECOND, SECOND);
    let mut stage = acquainted(model).await;
    let begun = Instant::now();
    assert_eq!(understood(&stage.turn(OpId(3)).await), "And now?");
    stage.respond(OpId(4), &[caller("Hi."), agent("Hello."), caller("And now?")]);
    let (_, first) = stage.session.next().await;
    assert!(matches!(&first, AgentEvent::Token(text) if text == "Nothing."), "{first:?}");
    assert_eq!(begun.elapsed(), SECOND, "both took a second");
    stage.run(OpId(4)).await;
    assert_eq!(count(&stage.model.commands(), |command| matches!(command, RealtimeCommand::Respond { .. })), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_something_else_is_thrown_away_unheard_and_charged() {
    let spent = TokenUsage { input: 70, ..TokenUsage::default() };
    let model = ScriptedRealtime::new()
        .with_text("And now?", SECOND)
        .with_script(Script::new().item(RealtimePiece::Text("Too early.".into())).item(RealtimePiece::Usage(spent)))
        .with_answer("Now.", SECOND, Duration::ZERO);
    let mut stage = acquainted(model).await;
    stage.turn(OpId(3)).await;
    let said = [caller("Hi."), agent("Hello."), caller("And now? [keys pressed: 1]")];
    stage.respond(OpId(4), &said);
    assert!(matches!(stage.session.next().await, (OpId(3), AgentEvent::Usage(used)) if used == spent));
    let events = stage.run(OpId(4)).await;
    assert_eq!(words(&events), "Now.");
    let commands = stage.model.commands();
    let removed = ItemId("spoken_2".into());
    assert!(commands.contains(&RealtimeCommand::Remove(removed)), "{commands:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_word_for_word_is_spoken_by_the_cascade_and_told_to_the_model() {
    let model = ScriptedRealtime::new()
        .with_text("Go on.", Duration::ZERO)
        .with_answer("Well.", SECOND, Duration::ZERO)
        .with_answer("Well.", SECOND, Duration::ZERO);
    let voice = ScriptedVoice::new().with_silence(1, SECOND);
    let first = ScriptedRealtime::new().with_text("Hi.", Duration::ZERO).with_answer("Hello.", SECOND, Duration::ZERO);
    let mut stage = Stage::beside(first.also(model), ScriptedTranscriber::new(), ScriptedModel::new(), voice).await;
    stage.turn(LISTEN).await;
    stage.respond(RESPOND, &[caller("Hi.")]);
    stage.run(RESPOND).await;
    stage.session.start(OpId(3), AgentTask::Speak("Listen.".into()));
    assert_eq!(samples(&stage.run(OpId(3)).await), 8000);
    stage.turn(OpId(4)).await;
    stage.respond(OpId(5), &[caller("Hi."), agent("Hello. Listen."), caller("Go on.")]);
    stage.run(OpId(5)).await;
    let commands = stage.model.commands();
    let told = RealtimeItem::Message { role: ChatRole::Assistant, text: "Listen.".into() };
    assert!(
        commands.iter().any(|command| matches!(command, RealtimeCommand::Insert { item, .. } if *item == told)),
        "{commands:?}"
    );
    let responses = count(&commands, |command| matches!(command, RealtimeCommand::Respond { .. }));
    assert_eq!(responses, 2, "no answer was made ahead that could not be right");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_answer_is_given_up_and_truncated_at_what_was_heard() {
    let long = Script::new()
        .item(RealtimePiece::Text("One two three four".into()))
        .item(RealtimePiece::Sound(10 * SECOND))
        .stall();
    let model = ScriptedRealtime::new().with_text("Count.", Duration::ZERO).with_script(long);
    let mut stage = Stage::open(model).await;
    stage.turn(LISTEN).await;
    stage.respond(RESPOND, &[caller("Count.")]);
    let mut delivered = 0;
    while let Ok((_, event)) = timeout(SECOND, stage.session.next()).await {
        delivered += samples(&[event]);
    }
    assert_eq!(delivered, 16_000, "no more than the credit of two seconds");
    stage.session.truncate(RESPOND, 8000, "One two");
    stage.session.cancel(RESPOND);
    assert!(stage.is_idle().await);
    let commands = stage.model.commands();
    let truncated = RealtimeCommand::Truncate { id: ItemId("spoken_1".into()), heard: SECOND };
    assert_eq!(commands[commands.len() - 2..], [RealtimeCommand::Cancel, truncated]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_done_is_truncated_too() {
    let mut stage = acquainted(ScriptedRealtime::new()).await;
    stage.session.truncate(RESPOND, 4000, "Hello.");
    stage.session.cancel(RESPOND);
    assert!(stage.is_idle().await);
    let truncated = RealtimeCommand::Truncate { id: ItemId("spoken_1".into()), heard: SECOND / 2 };
    assert_eq!(stage.model.commands().last(), Some(&truncated));
}

#[tokio::test(start_paused = true)]
async fn tools_are_called_once_the_answer_is_whole() {
    let call = ToolCall { id: "model_1".into(), name: "book".into(), arguments: "{}".into() };
    let answer = Script::new().item(RealtimePiece::ToolCall(call.clone())).pause(SECOND);
    let model = ScriptedRealtime::new().with_text("Book.", Duration::ZERO).with_script(answer).with_answer(
        "Booked.",
        SECOND,
        Duration::ZERO,
    );
    let mut stage = Stage::open(model).await;
    stage.turn(LISTEN).await;
    let begun = Instant::now();
    stage.respond(RESPOND, &[caller("Book.")]);
    let events = stage.run(RESPOND).await;
    assert!(
        matches!(&events[..], [AgentEvent::ToolCall(called), AgentEvent::TextDone, AgentEvent::Done] if *called == call),
        "{events:?}"
    );
    assert_eq!(begun.elapsed(), SECOND);
    let own = ToolCall { id: "call_1".into(), ..call };
    let said = [caller("Book."), ChatMessage::calling("", vec![own]), ChatMessage::tool_result("call_1", "done")];
    stage.respond(OpId(3), &said);
    assert_eq!(words(&stage.run(OpId(3)).await), "Booked.");
    let result = RealtimeItem::ToolResult { call: "model_1".into(), text: "done".into() };
    let commands = stage.model.commands();
    assert!(
        commands.iter().any(|command| matches!(command, RealtimeCommand::Insert { item, .. } if *item == result)),
        "{commands:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_that_keeps_silent_is_answered_for_by_the_cascade() {
    let model = ScriptedRealtime::new().with_text("Hi.", Duration::ZERO).with_script(Script::new().stall());
    let llm = ScriptedModel::new().with_answer(["Hello."]);
    let voice = ScriptedVoice::new().with_silence(1, SECOND);
    let mut stage = Stage::beside(model, ScriptedTranscriber::new(), llm, voice).await;
    stage.turn(LISTEN).await;
    let begun = Instant::now();
    stage.respond(RESPOND, &[caller("Hi.")]);
    let events = stage.run(RESPOND).await;
    assert_eq!((words(&events).as_str(), samples(&events)), ("Hello.", 8000));
    assert_eq!(begun.elapsed(), 3 * SECOND);
    assert_eq!(stage.session.provider(AgentOperation::Respond), "scripted");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_made_again_with_the_conversation_as_it_was() {
    let broken = Script::new().fail(ErrorKind::Unavailable);
    let model = ScriptedRealtime::new()
        .with_connection(Script::new().pause(SECOND))
        .with_text("Hi.", Duration::ZERO)
        .with_script(broken)
        .with_text("And now?", Duration::ZERO)
        .with_answer("Back.", SECOND, Duration::ZERO);
    let llm = ScriptedModel::new().with_answer(["Hello."]);
    let voice = ScriptedVoice::new().with_silence(1, SECOND);
    let mut stage = Stage::beside(model, ScriptedTranscriber::new(), llm, voice).await;
    stage.turn(LISTEN).await;
    stage.respond(RESPOND, &[caller("Hi.")]);
    assert_eq!(words(&stage.run(RESPOND).await), "Hello.", "nobody hears of it");
    assert!(stage.is_idle().await);
    assert_eq!(understood(&stage.turn(OpId(3)).await), "And now?");
    stage.respond(OpId(4), &[caller("Hi."), agent("Hello."), caller("And now?")]);
    assert_eq!(words(&stage.run(OpId(4)).await), "Back.");
    let commands = stage.model.commands();
    let told = |role, text: &str| RealtimeItem::Message { role, text: text.to_owned() };
    for item in [told(ChatRole::User, "Hi."), told(ChatRole::Assistant, "Hello.")] {
        assert!(
            commands
                .iter()
                .any(|command| matches!(command, RealtimeCommand::Insert { item: said, .. } if *said == item)),
            "{commands:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_half_heard_when_the_connection_broke_is_told_as_a_failure() {
    let broken = Script::new()
        .item(RealtimePiece::Text("One two".into()))
        .item(RealtimePiece::Sound(SECOND))
        .pause(SECOND)
        .fail(ErrorKind::Unavailable);
    let mut stage = Stage::open(ScriptedRealtime::new().with_text("Hi.", Duration::ZERO).with_script(broken)).await;
    stage.turn(LISTEN).await;
    stage.respond(RESPOND, &[caller("Hi.")]);
    let events = stage.run(RESPOND).await;
    assert_eq!((samples(&events), failure(&events)), (8000, ErrorKind::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_cannot_be_reached_leaves_the_call_to_the_cascade() {
    let mut model = ScriptedRealtime::default();
    for _ in 0..4 {
        model = model.with_connection(Script::new().fail(ErrorKind::Unavailable));
    }
    let model = model.without_connection();
    let stt = ScriptedTranscriber::new().with_text("Hi.").with_text("Hi again.");
    let mut stage = Stage::beside(model, stt, ScriptedModel::new(), ScriptedVoice::new()).await;
    stage.session.start(LISTEN, AgentTask::Listen { audio: vec![Frame::SILENCE; 20] });
    assert_eq!(failure(&stage.run(LISTEN).await), ErrorKind::Unavailable, "the machine asks once more");
    assert_eq!(understood(&stage.turn(OpId(3)).await), "Hi.");
    assert!(stage.is_idle().await);
    assert_eq!(stage.model.connections().len(), 4, "once and three times more");
    assert_eq!(understood(&stage.turn(OpId(5)).await), "Hi again.");
}

#[tokio::test(start_paused = true)]
async fn calls_share_what_they_know_of_a_model_that_cannot_be_reached_and_come_when_it_may_be() {
    let mut model = ScriptedRealtime::new().without_connection().with_text("Back.", Duration::ZERO);
    for _ in 0..5 {
        model = model.with_connection(Script::new().fail(ErrorKind::Unavailable));
    }
    let model = Arc::new(model.with_connection(Script::new()));
    let (stt, llm, voice) = (ScriptedTranscriber::new(), ScriptedModel::new(), ScriptedVoice::new());
    let cascade = Cascade::new(Arc::new(stt), Arc::new(llm), Arc::new(voice));
    let agent = Realtime::new(Arc::clone(&model) as _, cascade);
    let mut first = agent.open(&AgentSetup::default()).await.unwrap();
    assert!(timeout(60 * SECOND, first.next()).await.is_err());
    assert_eq!(model.connections().len(), 4, "once and three times more");
    let second = agent.open(&AgentSetup::default()).await.unwrap();
    let mut second = Stage { model: Arc::clone(&model), stt: Arc::default(), llm: Arc::default(), session: second };
    assert!(timeout(SECOND, second.session.next()).await.is_err());
    assert_eq!((model.connections().len(), agent.services()[0].trust()), (5, Trust::Failing), "it is left alone");
    assert!(timeout(5 * SECOND, second.session.next()).await.is_err());
    assert_eq!((model.connections().len(), agent.services()[0].trust()), (6, Trust::Trusted));
    assert_eq!(understood(&second.turn(LISTEN).await), "Back.");
}

#[tokio::test(start_paused = true)]
async fn a_turn_in_which_the_connection_broke_leaves_the_next_to_the_model() {
    let model = ScriptedRealtime::new()
        .with_turn(Script::new().fail(ErrorKind::Unavailable))
        .with_connection(Script::new())
        .with_text("Later.", Duration::ZERO);
    let stt = ScriptedTranscriber::new().with_text("Hi.");
    let mut stage = Stage::beside(model, stt, ScriptedModel::new(), ScriptedVoice::new()).await;
    assert_eq!(failure(&stage.turn(LISTEN).await), ErrorKind::Unavailable);
    assert_eq!(understood(&stage.turn(OpId(3)).await), "Hi.", "heard once more by the cascade");
    assert!(stage.is_idle().await);
    assert_eq!(understood(&stage.turn(OpId(5)).await), "Later.");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_given_up() {
    let words = RealtimePiece::Text("word ".repeat(20_000));
    let model = ScriptedRealtime::new().with_text("Hi.", Duration::ZERO).with_script(Script::new().item(words).stall());
    let mut stage = Stage::open(model).await;
    stage.turn(LISTEN).await;
    stage.respond(RESPOND, &[caller("Hi.")]);
    assert_eq!(failure(&stage.run(RESPOND).await), ErrorKind::Protocol);
    assert!(stage.is_idle().await);
    assert!(stage.model.commands().contains(&RealtimeCommand::Cancel));
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_a_transcript_is_heard_by_the_cascade_the_next_time() {
    let model = ScriptedRealtime::new().with_turn(Script::new()).with_text("Later.", Duration::ZERO);
    let stt = ScriptedTranscriber::new().with_text("Hi.");
    let mut stage = Stage::beside(model, stt, ScriptedModel::new(), ScriptedVoice::new()).await;
    assert_eq!(failure(&stage.turn(LISTEN).await), ErrorKind::Protocol);
    assert_eq!(understood(&stage.turn(OpId(3)).await), "Hi.");
    assert_eq!(understood(&stage.turn(OpId(5)).await), "Later.", "the model hears again");
    let removed = RealtimeCommand::Remove(ItemId("heard_1".into()));
    assert!(stage.model.commands().contains(&removed), "{:?}", stage.model.commands());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_given_up_leaves_nothing() {
    let model = ScriptedRealtime::new().with_text("Hi.", SECOND);
    let mut stage = Stage::open(model).await;
    stage.session.start(LISTEN, AgentTask::Listen { audio: vec![Frame::SILENCE; 20] });
    stage.session.cancel(LISTEN);
    stage.session.start(OpId(3), AgentTask::Listen { audio: vec![Frame::SILENCE; 20] });
    stage.session.finish(OpId(3));
    stage.session.cancel(OpId(3));
    assert!(stage.is_idle().await);
    let removed = RealtimeCommand::Remove(ItemId("heard_1".into()));
    assert_eq!(stage.model.commands(), [RealtimeCommand::Discard, RealtimeCommand::Commit, removed]);
    assert_eq!(stage.session.hear(OpId(3), &Frame::SILENCE).unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn partial_transcripts_come_before_the_final_one() {
    let partial = Transcript { text: "I".into(), confidence: None, language: None, is_final: false };
    let whole = Transcript { text: "I see".into(), is_final: true, ..partial.clone() };
    let model = ScriptedRealtime::new().with_turn(Script::new().item(partial).item(whole));
    let mut stage = Stage::open(model).await;
    let events = stage.turn(LISTEN).await;
    assert!(
        matches!(&events[..], [AgentEvent::Transcript(_), AgentEvent::Transcript(last), AgentEvent::Done] if last.text == "I see")
    );
}
