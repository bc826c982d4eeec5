//! The cascade with scripted services, under virtual time.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::agent::Respond;
use crate::model::{TokenUsage, ToolCall, ToolSpec, Transcript, TranscriptionOptions, WordTiming};
use crate::testing::{Script, ScriptedModel, ScriptedTranscriber, ScriptedVoice};

const LISTEN: OpId = OpId(1);
const THINK: OpId = OpId(2);
const SPEAK: OpId = OpId(3);

/// Three services that a test can look at, and a session with them.
struct Stage {
    stt: Arc<ScriptedTranscriber>,
    llm: Arc<ScriptedModel>,
    voice: Arc<ScriptedVoice>,
    session: Box<dyn AgentSession>,
}

impl Stage {
    async fn open(stt: ScriptedTranscriber, llm: ScriptedModel, voice: ScriptedVoice) -> Self {
        let (stt, llm, voice) = (Arc::new(stt), Arc::new(llm), Arc::new(voice));
        let agent = Cascade::new(
            Arc::<ScriptedTranscriber>::clone(&stt),
            Arc::<ScriptedModel>::clone(&llm),
            Arc::<ScriptedVoice>::clone(&voice),
        );
        let session = agent.open(&setup()).await.unwrap();
        Self { stt, llm, voice, session }
    }

    async fn hearing(stt: ScriptedTranscriber) -> Self {
        Self::open(stt, ScriptedModel::new(), ScriptedVoice::new()).await
    }

    async fn thinking(llm: ScriptedModel) -> Self {
        Self::open(ScriptedTranscriber::new(), llm, ScriptedVoice::new()).await
    }

    async fn speaking(voice: ScriptedVoice) -> Self {
        Self::open(ScriptedTranscriber::new(), ScriptedModel::new(), voice).await
    }

    /// The events of `op` until its end.
    async fn run(&mut self, op: OpId) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        loop {
            let (of, event) = self.session.next().await;
            assert_eq!(of, op);
            let last = matches!(event, AgentEvent::Done | AgentEvent::Failed(_));
            events.push(event);
            if last {
                return events;
            }
        }
    }

    async fn is_idle(&mut self) -> bool {
        timeout(Duration::from_secs(3600), self.session.next()).await.is_err()
    }
}

/// Lets every task do what it can. Virtual time passes only when all of them wait.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

fn setup() -> AgentSetup {
    AgentSetup {
        transcription: TranscriptionOptions { language: Some("sv".into()), keywords: vec!["Pineapple".into()] },
        speech: SpeechOptions { voice: Some("nova".into()), language: Some("sv".into()) },
    }
}

/// A turn of which this many frames are known when it is asked for.
fn listen_from(frames: usize) -> AgentTask {
    AgentTask::Listen { audio: vec![Frame::SILENCE; frames] }
}

fn request() -> ChatRequest {
    ChatRequest::new(Vec::new(), 10)
}

fn partial(text: &str) -> Transcript {
    Transcript { text: text.into(), confidence: None, language: None, is_final: false }
}

fn tone(samples: usize) -> SpeechChunk {
    SpeechChunk { audio: (0..samples).map(|i| i as u8).collect(), words: Vec::new() }
}

fn samples(events: &[AgentEvent]) -> Vec<usize> {
    let speech = events.iter().filter_map(|event| match event {
        AgentEvent::Speech(chunk) => Some(chunk.audio.len()),
        _ => None,
    });
    speech.collect()
}

fn failure(events: &[AgentEvent]) -> ErrorKind {
    match events.last() {
        Some(AgentEvent::Failed(error)) => error.kind(),
        other => panic!("no failure: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_heard_to_its_end_and_then_understood() {
    let mut stage = Stage::hearing(ScriptedTranscriber::new().with_text("ja tack")).await;
    stage.session.start(LISTEN, listen_from(0));
    for _ in 0..750 {
        stage.session.hear(LISTEN, &Frame::SILENCE).unwrap();
    }
    settle().await;
    assert_eq!(stage.stt.given(), 0, "the turn has not ended");

    stage.session.finish(LISTEN);
    let events = stage.run(LISTEN).await;

    assert!(matches!(&events[..], [AgentEvent::Transcript(t), AgentEvent::Done] if t.text == "ja tack"), "{events:?}");
    assert_eq!(stage.stt.turns(), [vec![Frame::SILENCE; 750]]);
    assert_eq!(stage.stt.requests(), [setup().transcription]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_any_length_can_be_handed_over_at_once() {
    let mut stage = Stage::hearing(ScriptedTranscriber::new().with_text("ja tack")).await;
    stage.session.start(LISTEN, listen_from(3000));
    stage.session.hear(LISTEN, &Frame::SILENCE).unwrap();
    stage.session.finish(LISTEN);
    let events = stage.run(LISTEN).await;
    assert!(matches!(&events[..], [AgentEvent::Transcript(_), AgentEvent::Done]), "{events:?}");
    assert_eq!(stage.stt.turns()[0].len(), 3001);
}

#[tokio::test(start_paused = true)]
async fn audio_that_a_transcriber_does_not_take_is_refused_not_lost() {
    let mut stage = Stage::hearing(ScriptedTranscriber::new().with_text("yes")).await;
    stage.session.start(LISTEN, listen_from(0));
    // The transcriber has had no chance to run yet.
    let accepted = (0..1000).take_while(|_| stage.session.hear(LISTEN, &Frame::SILENCE).is_ok()).count();
    let error = stage.session.hear(LISTEN, &Frame::SILENCE).unwrap_err();
    assert_eq!((accepted, error.kind()), (750, ErrorKind::RateLimited));

    stage.session.finish(LISTEN);
    stage.run(LISTEN).await;
    assert_eq!(stage.stt.turns()[0].len(), 750);
}

#[tokio::test(start_paused = true)]
async fn audio_for_an_operation_that_does_not_listen_is_refused() {
    let mut stage = Stage::hearing(ScriptedTranscriber::new().with_text("yes").with_text("no")).await;
    let refusal = |session: &mut Box<dyn AgentSession>, op| session.hear(op, &Frame::SILENCE).unwrap_err().kind();
    assert_eq!(refusal(&mut stage.session, LISTEN), ErrorKind::Closed);
    stage.session.start(LISTEN, listen_from(0));
    stage.session.finish(LISTEN);
    assert_eq!(refusal(&mut stage.session, LISTEN), ErrorKind::Closed);
    stage.session.start(OpId(9), listen_from(0));
    stage.session.cancel(OpId(9));
    assert_eq!(refusal(&mut stage.session, OpId(9)), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_transcriber_without_a_final_transcript_has_failed() {
    let script = Script::new().item(partial("ja"));
    let mut stage = Stage::hearing(ScriptedTranscriber::new().with_script(script)).await;
    stage.session.start(LISTEN, listen_from(0));
    stage.session.finish(LISTEN);
    let events = stage.run(LISTEN).await;
    assert_eq!((events.len(), failure(&events)), (2, ErrorKind::Protocol));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_awaited_after_the_final_transcript() {
    let last = Transcript { is_final: true, ..partial("ja") };
    let script = Script::new().item(partial("j")).item(last).stall();
    let mut stage = Stage::hearing(ScriptedTranscriber::new().with_script(script)).await;
    stage.session.start(LISTEN, listen_from(0));
    stage.session.finish(LISTEN);
    let events = timeout(Duration::from_secs(1), stage.run(LISTEN)).await.unwrap();
    assert!(matches!(events[..], [AgentEvent::Transcript(_), AgentEvent::Transcript(_), AgentEvent::Done]));
    assert_eq!(stage.stt.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_arrives_piece_by_piece_with_its_usage() {
    let usage = TokenUsage { input: 3, cached: 1, output: 2, ..TokenUsage::default() };
    let text = |text: &str| ChatDelta::Text(text.into());
    let script = Script::new().item(text("Hej")).item(text(" du")).item(ChatDelta::Usage(usage));
    let mut stage = Stage::thinking(ScriptedModel::new().with_script(script)).await;
    stage.session.start(THINK, AgentTask::Think(request()));
    let events = stage.run(THINK).await;
    let [AgentEvent::Token(first), AgentEvent::Token(second), AgentEvent::Usage(used), AgentEvent::Done] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((first.as_str(), second.as_str(), *used), ("Hej", " du", usage));
    assert_eq!(stage.llm.requests(), [request()]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_service_ends_its_operation_once() {
    let script = Script::new().item(ChatDelta::Text("Hej".into())).fail(ErrorKind::Timeout);
    let mut stage = Stage::thinking(ScriptedModel::new().with_script(script)).await;
    stage.session.start(THINK, AgentTask::Think(request()));
    let events = stage.run(THINK).await;
    assert_eq!((events.len(), failure(&events)), (2, ErrorKind::Timeout));
    assert!(stage.is_idle().await);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_service_fails_and_the_session_goes_on() {
    let model = ScriptedModel::new().with_script(Script::new().panic()).with_answer(["ok"]);
    let mut stage = Stage::thinking(model).await;
    stage.session.start(THINK, AgentTask::Think(request()));
    assert_eq!(failure(&stage.run(THINK).await), ErrorKind::Internal);
    stage.session.start(OpId(7), AgentTask::Think(request()));
    assert!(matches!(stage.run(OpId(7)).await[..], [AgentEvent::Token(_), AgentEvent::Done]));
}

#[tokio::test(start_paused = true)]
async fn long_audio_is_cut_into_events_of_at_most_200_ms_with_its_words_first() {
    let words = vec![WordTiming { text: "Hej".into(), start: 0, end: 4000 }];
    let chunk = SpeechChunk { words: words.clone(), ..tone(4000) };
    let script = Script::new().item(chunk.clone()).item(SpeechChunk::default());
    let mut stage = Stage::speaking(ScriptedVoice::new().with_script(script)).await;
    stage.session.start(SPEAK, AgentTask::Speak("Hej".into()));

    let events = stage.run(SPEAK).await;

    assert_eq!(samples(&events), [1600, 1600, 800]);
    let chunks: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            AgentEvent::Speech(chunk) => Some(chunk.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(chunks.iter().flat_map(|chunk| chunk.audio.to_vec()).collect::<Vec<_>>(), chunk.audio);
    assert_eq!(chunks[0].words, words);
    assert!(chunks[1..].iter().all(|chunk| chunk.words.is_empty()));
    assert_eq!(stage.voice.requests(), [("Hej".into(), setup().speech)]);
}

#[tokio::test(start_paused = true)]
async fn synthesis_stops_two_seconds_ahead_until_more_is_granted() {
    let chunks = 100;
    let mut stage = Stage::speaking(ScriptedVoice::new().with_silence(chunks, Duration::from_millis(100))).await;
    stage.session.start(SPEAK, AgentTask::Speak("A long story".into()));

    // Taking what is there grants nothing.
    for _ in 0..20 {
        stage.session.next().await;
    }
    settle().await;
    assert!(stage.is_idle().await);
    // One more is in the hand of the operation.
    assert_eq!(stage.voice.given(), 21);

    stage.session.grant(SPEAK, 800);
    stage.session.next().await;
    settle().await;
    assert_eq!(stage.voice.given(), 22);

    stage.session.grant(SPEAK, u64::MAX);
    let rest = stage.run(SPEAK).await;
    assert_eq!(samples(&rest).len(), chunks - 21);
}

#[tokio::test(start_paused = true)]
async fn each_utterance_has_its_own_credit() {
    let second = Duration::from_secs(1);
    let voice = ScriptedVoice::new().with_silence(10, second).with_silence(1, second);
    let stage = &mut Stage::speaking(voice).await;
    stage.session.start(SPEAK, AgentTask::Speak("A long story".into()));
    settle().await;
    stage.session.cancel(SPEAK);
    stage.session.start(OpId(4), AgentTask::Speak("Stop".into()));
    settle().await;
    assert_eq!(stage.voice.given(), 3 + 1);
    // What the cancelled one had left behind is passed over.
    assert_eq!(samples(&stage.run(OpId(4)).await), [1600; 5]);
}

#[tokio::test(start_paused = true)]
async fn words_without_sound_are_a_failure_and_punctuation_is_not() {
    for (text, fails) in [("Hej", true), ("…", false), ("", false)] {
        let mut stage = Stage::speaking(ScriptedVoice::new().with_script(Script::new())).await;
        stage.session.start(SPEAK, AgentTask::Speak(text.into()));
        let events = stage.run(SPEAK).await;
        assert_eq!(matches!(events[..], [AgentEvent::Failed(_)]), fails, "{text:?}: {events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_operation_stops_and_says_nothing_more() {
    let model = ScriptedModel::new().with_script(Script::new().item(ChatDelta::Text("Hej".into())).stall());
    let mut stage = Stage::thinking(model).await;
    stage.session.start(THINK, AgentTask::Think(request()));
    settle().await;
    assert_eq!((stage.llm.given(), stage.llm.running()), (1, 1));

    stage.session.cancel(THINK);
    settle().await;

    assert_eq!(stage.llm.running(), 0);
    assert!(stage.is_idle().await);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_operation_does_not_hold_up_the_others() {
    let model = ScriptedModel::new().with_script(Script::new().stall());
    let voice = ScriptedVoice::new().with_silence(1, Duration::from_millis(20));
    let mut stage = Stage::open(ScriptedTranscriber::new(), model, voice).await;
    stage.session.start(THINK, AgentTask::Think(request()));
    stage.session.start(SPEAK, AgentTask::Speak("One moment".into()));
    assert_eq!(samples(&stage.run(SPEAK).await), [160]);
    assert!(stage.is_idle().await);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_session_ends_everything() {
    let stt = ScriptedTranscriber::new().with_script(Script::new().stall());
    let llm = ScriptedModel::new().with_script(Script::new().stall());
    let voice = ScriptedVoice::new().with_silence(100, Duration::from_secs(1));
    let mut stage = Stage::open(stt, llm, voice).await;
    stage.session.start(LISTEN, listen_from(0));
    stage.session.finish(LISTEN);
    stage.session.start(THINK, AgentTask::Think(request()));
    stage.session.start(SPEAK, AgentTask::Speak("A long story".into()));
    settle().await;
    let (stt, llm, voice) = (Arc::clone(&stage.stt), Arc::clone(&stage.llm), Arc::clone(&stage.voice));
    assert_eq!((stt.running(), llm.running(), voice.running()), (1, 1, 1));

    drop(stage);
    tokio::time::sleep(Duration::from_secs(1)).await;

    assert_eq!((stt.running(), llm.running(), voice.running()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_for_the_next_event_loses_none() {
    let second = Duration::from_secs(1);
    let text = |text: &str| ChatDelta::Text(text.into());
    let script = Script::new().pause(second).item(text("a")).pause(second).item(text("b"));
    let mut stage = Stage::thinking(ScriptedModel::new().with_script(script)).await;
    stage.session.start(THINK, AgentTask::Think(request()));

    let begun = Instant::now();
    let mut tokens = String::new();
    while begun.elapsed() < 5 * second {
        match timeout(Duration::from_millis(300), stage.session.next()).await {
            Ok((_, AgentEvent::Token(token))) => tokens.push_str(&token),
            Ok((_, AgentEvent::Done)) => tokens.push('.'),
            Ok(other) => panic!("{other:?}"),
            Err(_) => {}
        }
    }
    assert_eq!(tokens, "ab.");
}

#[tokio::test(start_paused = true)]
async fn ended_operations_leave_nothing_behind() {
    let model = (0..500).fold(ScriptedModel::new(), |model, _| model.with_answer(["ok"]));
    let services = Cascade::new(Arc::new(ScriptedTranscriber::new()), Arc::new(model), Arc::new(ScriptedVoice::new()));
    let mut session = CascadeSession::new(services, setup());
    for op in 0..500 {
        session.start(OpId(op), AgentTask::Think(request()));
        while !matches!(session.next().await, (_, AgentEvent::Done)) {}
    }
    assert!(session.running.is_empty() && session.listening.is_empty());
    assert!(session.tasks.len() <= 2, "{} tasks", session.tasks.len());
}

fn answer() -> AgentTask {
    AgentTask::Respond(Respond { messages: Vec::new(), tools: Vec::new(), max_tokens: 100 })
}

fn text(text: &str) -> ChatDelta {
    ChatDelta::Text(text.into())
}

/// What a response does, in short.
fn outline(events: &[AgentEvent]) -> Vec<String> {
    let line = |event: &AgentEvent| match event {
        AgentEvent::Token(text) => format!("token {text}"),
        AgentEvent::Segment(text) => format!("segment {text}"),
        AgentEvent::Speech(chunk) => format!("speech {}", chunk.audio.len()),
        AgentEvent::ToolCall(call) => format!("call {}", call.name),
        other => format!("{other:?}"),
    };
    events.iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn a_response_is_spoken_sentence_by_sentence_while_it_is_written() {
    let second = Duration::from_secs(1);
    let script = Script::new().item(text("One. ")).pause(second).item(text("Two")).pause(second).item(text("."));
    let voice =
        ScriptedVoice::new().with_silence(1, Duration::from_millis(20)).with_silence(1, Duration::from_millis(40));
    let mut stage = Stage::open(ScriptedTranscriber::new(), ScriptedModel::new().with_script(script), voice).await;
    let begun = Instant::now();
    stage.session.start(THINK, answer());
    let mut first = Vec::new();
    while first.len() < 3 {
        first.push(stage.session.next().await.1);
    }
    assert_eq!(outline(&first), ["token One. ", "segment One.", "speech 160"]);
    assert!(begun.elapsed() <= Duration::from_millis(30), "{:?}", begun.elapsed());
    let rest = stage.run(THINK).await;
    assert_eq!(outline(&rest), ["token Two", "token .", "TextDone", "segment Two.", "speech 320", "Done"]);
}

#[tokio::test(start_paused = true)]
async fn words_of_a_response_lie_in_the_whole_of_its_audio() {
    let word = |text: &str| vec![WordTiming { text: text.into(), start: 10, end: 150 }];
    let chunk = |text: &str| SpeechChunk { words: word(text), ..tone(160) };
    let voice = ScriptedVoice::new()
        .with_script(Script::new().item(chunk("One.")))
        .with_script(Script::new().item(chunk("Two.")));
    let model = ScriptedModel::new().with_answer(["One. Two."]);
    let mut stage = Stage::open(ScriptedTranscriber::new(), model, voice).await;
    stage.session.start(THINK, answer());
    let events = stage.run(THINK).await;
    let starts = events
        .iter()
        .filter_map(|event| if let AgentEvent::Speech(chunk) = event { chunk.words.first() } else { None });
    assert_eq!(starts.map(|word| word.start).collect::<Vec<_>>(), [10, 170]);
}

#[tokio::test(start_paused = true)]
async fn a_response_is_offered_tools_and_calls_them_without_a_word() {
    let call = ToolCall { id: "1".into(), name: "hours".into(), arguments: "{}".into() };
    let script = Script::new().item(ChatDelta::ToolCall(call)).item(ChatDelta::Usage(TokenUsage::default()));
    let mut stage = Stage::thinking(ScriptedModel::new().with_script(script)).await;
    let spec = ToolSpec { name: "hours".into(), description: String::new(), parameters: serde_json::json!({}) };
    stage
        .session
        .start(THINK, AgentTask::Respond(Respond { messages: Vec::new(), tools: vec![spec.clone()], max_tokens: 7 }));
    let events = stage.run(THINK).await;
    assert!(
        matches!(events[..], [AgentEvent::ToolCall(_), AgentEvent::Usage(_), AgentEvent::TextDone, AgentEvent::Done]),
        "{events:?}"
    );
    assert_eq!((stage.llm.requests()[0].tools.clone(), stage.llm.requests()[0].max_tokens), (vec![spec], 7));
}

#[tokio::test(start_paused = true)]
async fn a_response_is_not_spoken_further_than_it_is_granted_and_is_written_on_meanwhile() {
    let voice = ScriptedVoice::new().with_silence(100, Duration::from_millis(100));
    let script = Script::new().item(text("A long story. ")).pause(Duration::from_secs(5)).item(text("The end."));
    let mut stage = Stage::open(ScriptedTranscriber::new(), ScriptedModel::new().with_script(script), voice).await;
    stage.session.start(THINK, answer());
    let mut seen = Vec::new();
    while let Ok((_, event)) = timeout(Duration::from_secs(60), stage.session.next()).await {
        seen.push(event);
    }
    assert_eq!(samples(&seen).iter().sum::<usize>() as u64, SPEECH_CREDIT);
    assert!(seen.iter().any(|event| matches!(event, AgentEvent::TextDone)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_model_or_voice_ends_a_response_once() {
    let broken = Script::new().item(text("One. Two")).fail(ErrorKind::Timeout);
    let voice = || ScriptedVoice::new().with_script(Script::new().fail(ErrorKind::Unavailable));
    let stalling = ScriptedModel::new().with_script(Script::new().item(text("One. ")).stall());
    for (model, voice, kind) in [
        (
            ScriptedModel::new().with_script(broken),
            ScriptedVoice::new().with_silence(1, Duration::from_millis(20)),
            ErrorKind::Timeout,
        ),
        (stalling, voice(), ErrorKind::Unavailable),
    ] {
        let mut stage = Stage::open(ScriptedTranscriber::new(), model, voice).await;
        stage.session.start(THINK, answer());
        assert_eq!(failure(&stage.run(THINK).await), kind);
        assert!(stage.is_idle().await);
        assert_eq!((stage.llm.running(), stage.voice.running()), (0, 0));
    }
}
