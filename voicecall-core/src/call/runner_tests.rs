//! A whole call with a real cascade and real handlers, over a socket in memory and virtual time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::agent::{AgentSetup, Cascade, VoiceAgent};
use crate::call::{CallMachine, CallSettings, Conversation};
use crate::dialogue::{Dialogue, LlmDialogue};
use crate::id::{CarrierCallId, SessionId};
use crate::media::{MediaCodec, MediaEvent, StreamStart};
use crate::model::{ChatDelta, ChatRole, ToolCall};
use crate::testing::{
    PairedPeer, Script, ScriptedMedia, ScriptedModel, ScriptedTranscriber, ScriptedVoice, paired_socket,
};
use crate::tool::{Tool, ToolContext, ToolEffect};

/// Stores each fact 5 ms after it came.
#[derive(Default)]
struct SlowStore {
    waiting: VecDeque<(u64, bool)>,
    /// Whether a tool's call is stored.
    stored: Arc<AtomicBool>,
}

impl CallSink for SlowStore {
    fn journal(&mut self, seq: u64, _: CallTime, fact: Fact) {
        self.waiting.push_back((seq, matches!(fact, Fact::ToolCalled { .. })));
    }

    fn record(&mut self, _: CallTime, _: Frame, _: Frame) {}
    fn effect(&mut self, _: Effect) {}
    fn transfer(&mut self, _: PhoneNumber, _: Option<Say>) {}
    fn exchanged(&mut self, _: Exchange) {}

    async fn stored(&mut self) -> u64 {
        if self.waiting.is_empty() {
            return std::future::pending().await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        match self.waiting.pop_front() {
            Some((seq, is_tool)) => {
                self.stored.fetch_or(is_tool, Ordering::SeqCst);
                seq
            }
            None => std::future::pending().await,
        }
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Day {
    day: String,
}

fn call(name: &str, arguments: &str) -> ChatDelta {
    ChatDelta::ToolCall(ToolCall { id: String::new(), name: name.into(), arguments: arguments.into() })
}

/// The carrier: begins the stream and is silent until it is closed.
async fn silent_line(mut peer: PairedPeer) {
    let start = StreamStart { stream: None, account: None, call: CarrierCallId::new("CA1"), parameters: [].into() };
    peer.send(ScriptedMedia::write(&MediaEvent::Started(start))).await;
    let silence = ScriptedMedia::write(&MediaEvent::audio(vec![0xFF; 160]));
    let mut frames = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            _ = frames.tick() => if !peer.send(silence.clone()).await { return },
            message = peer.receive() => if message.is_none() { return },
        }
    }
}

/// Runs a call of `dialogue` with a model of these scripts to its end.
async fn run(dialogue: LlmDialogue, model: ScriptedModel, sink: SlowStore) -> Arc<ScriptedModel> {
    dialogue.validate().unwrap();
    let model = Arc::new(model);
    let voice = (0..8).fold(ScriptedVoice::new(), |voice, _| voice.with_silence(3, Duration::from_millis(100)));
    let agent =
        Cascade::new(Arc::new(ScriptedTranscriber::new()), Arc::<ScriptedModel>::clone(&model), Arc::new(voice));
    let machine = CallMachine::new(CallSettings::new(SessionId::new()));
    let (_control, commands) = mpsc::channel(1);
    let runner = CallRunner {
        opened: tokio::time::Instant::now(),
        logic: Conversation::new(machine, Box::new(dialogue)),
        agent: agent.open(&AgentSetup::default()).await.unwrap(),
        codec: Box::new(ScriptedMedia::new()) as Box<dyn MediaCodec>,
        sink,
        control: commands,
    };
    let (socket, peer) = paired_socket();
    let line = tokio::spawn(silent_line(peer));
    timeout(Duration::from_secs(60), runner.run(socket)).await.expect("the call ends");
    line.abort();
    model
}

#[tokio::test(start_paused = true)]
async fn a_tool_is_run_after_its_call_is_stored_and_its_result_is_answered() {
    let sink = SlowStore::default();
    let (stored, seen) = (Arc::clone(&sink.stored), Arc::new(Mutex::new(Vec::new())));
    let runs = Arc::clone(&seen);
    let tool = Tool::new("hours", "When the shop is open").effect_of(move |args: Day, call| {
        runs.lock().unwrap().push((args.day, call.key().to_owned(), stored.load(Ordering::SeqCst)));
    });
    let model = ScriptedModel::new()
        .with_script(Script::new().item(call("hours", r#"{"day":"Sunday"}"#)))
        .with_script(Script::new().item(ChatDelta::Text("We open at eight.".into())).item(call("end_call", "{}")));

    let model = run(LlmDialogue::new("You are a bakery.").tool(tool), model, sink).await;

    let seen = seen.lock().unwrap();
    assert_eq!((seen.len(), seen[0].0.as_str(), seen[0].2), (1, "Sunday", true), "{seen:?}");
    let requests = model.requests();
    let last = requests[1].messages.last().unwrap();
    assert_eq!((requests.len(), last.role, last.content.as_str()), (2, ChatRole::Tool, "null"));
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_panics_ends_neither_the_call_nor_the_conversation() {
    let tool = Tool::new("hours", "").effect_of(|_: Day, _| std::panic::panic_any("broken"));
    let model = ScriptedModel::new()
        .with_script(Script::new().item(call("hours", r#"{"day":"Sunday"}"#)))
        .with_script(Script::new().item(call("end_call", "{}")));
    let model = run(LlmDialogue::new("You are a bakery.").tool(tool), model, SlowStore::default()).await;
    assert!(model.requests()[1].messages.last().unwrap().content.contains("broken"));
}

/// Wants to be woken this long after the last frame, and notes when it was.
#[derive(Debug, Default)]
struct Patient {
    frames: u32,
    due: CallTime,
    woken: Vec<CallTime>,
}

const PATIENCE: Duration = Duration::from_millis(500);

impl crate::call::CallLogic for Patient {
    fn handle(&mut self, now: CallTime, event: InputEvent<'_>, _out: &mut Vec<Output>) {
        match event {
            InputEvent::Media(_) => {
                self.frames += 1;
                self.due = now + PATIENCE;
            }
            InputEvent::Tick => self.woken.push(now),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<CallTime> {
        (self.frames > 0).then_some(self.due)
    }

    fn is_finished(&self) -> bool {
        !self.woken.is_empty()
    }
}

#[tokio::test(start_paused = true)]
async fn logic_is_woken_when_it_is_due_however_often_that_was_put_off() {
    let (socket, peer) = paired_socket();
    let line = tokio::spawn(async move {
        let start = StreamStart { stream: None, account: None, call: CarrierCallId::new("CA1"), parameters: [].into() };
        peer.send(ScriptedMedia::write(&MediaEvent::Started(start))).await;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            peer.send(ScriptedMedia::write(&MediaEvent::audio(vec![0xFF; 160]))).await;
        }
        std::future::pending::<()>().await;
    });
    let agent = Cascade::new(
        Arc::new(ScriptedTranscriber::new()),
        Arc::new(ScriptedModel::new()),
        Arc::new(ScriptedVoice::new()),
    );
    let (_control, commands) = mpsc::channel(1);
    let runner = CallRunner {
        opened: tokio::time::Instant::now(),
        logic: Patient::default(),
        agent: agent.open(&AgentSetup::default()).await.unwrap(),
        codec: Box::new(ScriptedMedia::new()) as Box<dyn MediaCodec>,
        sink: SlowStore::default(),
        control: commands,
    };
    let end = timeout(Duration::from_secs(60), runner.run(socket)).await.expect("it is woken");
    line.abort();
    assert_eq!(end.logic.frames, 101);
    let [woken] = end.logic.woken[..] else { panic!("{:?}", end.logic.woken) };
    assert!(woken >= end.logic.due && woken.since(end.logic.due) < Duration::from_millis(5), "{woken:?}");
}

impl crate::tool::ToolBuilder {
    /// A tool whose effect is this.
    fn effect_of(self, act: impl Fn(Day, ToolContext) + Send + Sync + 'static) -> Tool {
        let act = Arc::new(act);
        let handler = move |args: Day, call: ToolContext| {
            let act = Arc::clone(&act);
            async move {
                act(args, call);
                Ok(())
            }
        };
        self.handler(handler).effect(ToolEffect::Once)
    }
}
