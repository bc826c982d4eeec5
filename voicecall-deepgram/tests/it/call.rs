//! A whole call: somebody speaks on the line, a cascade hears through Deepgram, and what the model is told is what was said.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, timeout};
use voicecall_core::agent::{AgentSetup, Cascade, VoiceAgent as _};
use voicecall_core::audio::Frame;
use voicecall_core::call::{CallMachine, CallRunner, CallSettings, Conversation, NoSink};
use voicecall_core::dialogue::LlmDialogue;
use voicecall_core::media::{MediaCodec, MediaCommand, MediaEvent, StreamStart};
use voicecall_core::model::{
    ChatDelta, ChatRole, ResultStream, SpeechToText, ToolCall, Transcript, TranscriptionOptions,
};
use voicecall_core::testing::{PairedPeer, Script, ScriptedMedia, ScriptedModel, ScriptedVoice, paired_socket};
use voicecall_core::{CarrierCallId, ErrorKind, SessionId};
use voicecall_deepgram::{DeepgramTranscription, Endpoint};
use voicecall_sim::deepgram::Server;

use crate::emulated::{ENGLISH, KEY, SWEDISH, said, scenario};

/// What was heard, or the kind of the error; and whether the turn still went on.
type Heard = (Result<Transcript, ErrorKind>, bool);

/// Notes what is heard.
#[derive(Debug, Clone)]
struct Watched {
    ear: DeepgramTranscription,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl SpeechToText for Watched {
    fn name(&self) -> &'static str {
        self.ear.name()
    }

    fn transcribe(&self, audio: BoxStream<'static, Frame>, options: &TranscriptionOptions) -> ResultStream<Transcript> {
        let goes_on = Arc::new(Mutex::new(true));
        let (heard, open) = (Arc::clone(&self.heard), Arc::clone(&goes_on));
        let ended = futures_util::stream::poll_fn(move |_| {
            *open.lock().unwrap() = false;
            std::task::Poll::Ready(None)
        });
        self.ear
            .transcribe(audio.chain(ended).boxed(), options)
            .inspect(move |transcript| {
                let transcript = match transcript {
                    Ok(transcript) => Ok(transcript.clone()),
                    Err(error) => Err(error.kind()),
                };
                heard.lock().unwrap().push((transcript, *goes_on.lock().unwrap()));
            })
            .boxed()
    }
}

/// The carrier: somebody who says each sentence after the agent has been silent for two seconds.
async fn line(mut peer: PairedPeer, sentences: Vec<Vec<Frame>>) {
    let start = StreamStart { stream: None, account: None, call: CarrierCallId::new("CA1"), parameters: [].into() };
    peer.send(ScriptedMedia::write(&MediaEvent::Started(start))).await;
    let silence = vec![Frame::SILENCE; 100];
    let mut audio = sentences.into_iter().flat_map(|sentence| silence.clone().into_iter().chain(sentence));
    let mut frames = interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            _ = frames.tick() => {
                let frame = audio.next().unwrap_or(Frame::SILENCE);
                if !peer.send(ScriptedMedia::write(&MediaEvent::audio(frame.as_bytes().to_vec()))).await { return }
            }
            message = peer.receive() => {
                let Some(message) = message else { return };
                if let MediaCommand::Mark(mark) = ScriptedMedia::read(&message).unwrap() {
                    peer.send(ScriptedMedia::write(&MediaEvent::Mark(mark))).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_caller_is_heard_while_they_speak_and_a_lost_socket_costs_no_word() {
    // The second turn's first socket is lost after more than a second of it.
    let plan = scenario("[[fault]]\nwhere = \"deepgram.listen\"\nnth = [2]\nkind = \"close\"\nat_frame = 70");
    let server = Server::start(&plan.parse().unwrap(), KEY).await.unwrap();
    let endpoint = Endpoint::new(&server.base_url(), "nova-3").unwrap().with_api_key(KEY);
    let ear = DeepgramTranscription::new(endpoint).unwrap().with_language("sv");
    let ear = Watched { ear, heard: Arc::default() };
    let goodbye = ToolCall { id: String::new(), name: "end_call".into(), arguments: "{}".into() };
    let model = Arc::new(
        ScriptedModel::new().with_answer(["Go on."]).with_script(Script::new().item(ChatDelta::ToolCall(goodbye))),
    );
    let voice = (0..4).fold(ScriptedVoice::new(), |voice, _| voice.with_silence(3, Duration::from_millis(100)));
    let agent = Cascade::new(Arc::new(ear.clone()), Arc::<ScriptedModel>::clone(&model), Arc::new(voice));
    let dialogue = LlmDialogue::new("You listen.").greeting("Hello.");
    let (_control, commands) = mpsc::channel(1);
    let runner = CallRunner {
        opened: Instant::now(),
        logic: Conversation::new(CallMachine::new(CallSettings::new(SessionId::new())), Box::new(dialogue)),
        agent: agent.open(&AgentSetup::default()).await.unwrap(),
        codec: Box::new(ScriptedMedia::new()) as Box<dyn MediaCodec>,
        sink: NoSink,
        control: commands,
    };
    let (socket, peer) = paired_socket();
    let line = tokio::spawn(line(peer, vec![said(SWEDISH), said(ENGLISH)]));
    timeout(Duration::from_secs(60), runner.run(socket)).await.expect("the call ends");
    line.abort();

    let requests = model.requests();
    let told: Vec<_> = requests.iter().map(|request| request.messages.last().unwrap()).collect();
    assert!(told.iter().all(|message| message.role == ChatRole::User), "{told:?}");
    assert_eq!(told.iter().map(|message| message.content.as_str()).collect::<Vec<_>>(), [SWEDISH, ENGLISH]);
    let heard = ear.heard.lock().unwrap();
    let (first, goes_on) = &heard[0];
    assert!(*goes_on && SWEDISH.starts_with(&first.as_ref().unwrap().text), "{first:?}");
    assert_eq!(heard.iter().filter(|(heard, _)| heard == &Err(ErrorKind::Unavailable)).count(), 1, "{heard:?}");
    assert_eq!(server.sockets(), 3);
}
