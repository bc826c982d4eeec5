//! A whole call whose agent speaks by ElevenLabs: interrupted, it knows which words were heard.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use voicecall_core::agent::{AgentSetup, Cascade, VoiceAgent};
use voicecall_core::audio::{Detection, FRAME_SAMPLES, Frame};
use voicecall_core::call::{CallMachine, CallRunner, CallSettings, CallSink, Conversation, Effect, Exchange, Keep};
use voicecall_core::carrier::Say;
use voicecall_core::dialogue::LlmDialogue;
use voicecall_core::journal::Fact;
use voicecall_core::media::{MarkId, MediaCodec, MediaCommand, MediaEvent, StreamStart};
use voicecall_core::testing::{PairedPeer, ScriptedMedia, ScriptedModel, ScriptedTranscriber, paired_socket};
use voicecall_core::{CallTime, CarrierCallId, PhoneNumber, SessionId};
use voicecall_sim::clips::Library;

use crate::service::{server, speech};

const TEXT: &str = "Jag är en AI-assistent och vill ställa några korta frågor om ditt besök.";

/// What is said first, so that the rest may be kept.
const ANNOUNCEMENT: &str = "Tack.";

/// How much the caller listens to: 120 frames of 20 ms.
const LISTENS: usize = 120;

/// Keeps what was said.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<(String, String, bool)>>>);

impl CallSink for Ledger {
    fn journal(&mut self, _: u64, _: CallTime, fact: Fact) {
        if let Fact::Said { heard, unheard, estimated, .. } = fact {
            self.0.lock().unwrap().push((heard, unheard, estimated));
        }
    }

    fn record(&mut self, _: CallTime, _: Frame, _: Frame) {}
    fn effect(&mut self, _: Effect) {}
    fn transfer(&mut self, _: PhoneNumber, _: Option<Say>) {}
    fn exchanged(&mut self, _: Exchange) {}

    async fn stored(&mut self) -> u64 {
        std::future::pending().await
    }
}

/// What waits in the phone to be played.
enum Waiting {
    Audio,
    Mark(MarkId),
}

/// A phone: plays 20 ms every 20 ms, answers marks, and speaks up after it has played enough. Returns how many samples it
/// played before it was told to stop.
async fn phone(mut peer: PairedPeer) -> u64 {
    let start = StreamStart { stream: None, account: None, call: CarrierCallId::new("CA1"), parameters: [].into() };
    peer.send(ScriptedMedia::write(&MediaEvent::Started(start))).await;
    let silence = ScriptedMedia::write(&MediaEvent::audio(vec![0xFF; 160]));
    let voice: Vec<u8> = (0..160).map(|at| if at % 20 < 10 { 0x8F } else { 0x0F }).collect();
    let voice = ScriptedMedia::write(&MediaEvent::audio(voice));
    let (mut waiting, mut played) = (VecDeque::new(), 0);
    let mut frames = interval(Duration::from_millis(20));
    frames.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tokio::select! {
            message = peer.receive() => match ScriptedMedia::read(&message.expect("the call goes on")).unwrap() {
                MediaCommand::Audio(_) => waiting.push_back(Waiting::Audio),
                MediaCommand::Mark(mark) => waiting.push_back(Waiting::Mark(mark)),
                MediaCommand::Clear => return played as u64 * 160,
                MediaCommand::Open | MediaCommand::Close => {}
            },
            _ = frames.tick() => {
                while let Some(Waiting::Mark(mark)) = waiting.front() {
                    peer.send(ScriptedMedia::write(&MediaEvent::Mark(*mark))).await;
                    waiting.pop_front();
                }
                played += usize::from(waiting.pop_front().is_some());
                peer.send(if played > LISTENS { voice.clone() } else { silence.clone() }).await;
            }
        }
    }
}

#[tokio::test]
async fn an_interrupted_agent_knows_the_words_that_were_heard() {
    let server = server().await;
    let agent = Cascade::new(
        Arc::new(ScriptedTranscriber::new().with_text("Vänta.")),
        Arc::new(ScriptedModel::new()),
        Arc::new(speech(&server)),
    );
    let dialogue = LlmDialogue::new("You answer the phone.").greeting(TEXT);
    let mut settings = CallSettings::new(SessionId::new());
    settings.detection = Detection::Energy;
    settings.keep = Keep::Announced(ANNOUNCEMENT.to_owned());
    let ledger = Ledger::default();
    let (_control, commands) = mpsc::channel(1);
    let runner = CallRunner {
        opened: Instant::now(),
        logic: Conversation::new(CallMachine::new(settings), Box::new(dialogue)),
        agent: agent.open(&AgentSetup::default()).await.unwrap(),
        codec: Box::new(ScriptedMedia::new()) as Box<dyn MediaCodec>,
        sink: ledger.clone(),
        control: commands,
    };
    let (socket, peer) = paired_socket();
    let line = tokio::spawn(phone(peer));
    timeout(Duration::from_secs(60), runner.run(socket)).await.expect("the call ends with its line");
    let samples = line.await.unwrap();

    let said = ledger.0.lock().unwrap().clone();
    let (heard, unheard, estimated) = said.last().expect("the greeting is in the ledger");
    assert!(!estimated, "the words have their places");
    let clip = |text| Library::bundled().voice("agent", text).unwrap();
    let announced = clip(ANNOUNCEMENT).audio.len().next_multiple_of(FRAME_SAMPLES) as u64;
    let (clip, samples) = (clip(TEXT), samples - announced);
    let expected = clip.words.iter().filter(|word| word.end as u64 <= samples).count();
    assert!((4..clip.words.len()).contains(&expected), "{expected} words in {samples} samples");
    let count = heard.split_whitespace().count();
    assert!(count.abs_diff(expected) <= 1, "{heard:?} of {expected} words");
    assert_eq!(format!("{heard} {unheard}"), TEXT);
}
