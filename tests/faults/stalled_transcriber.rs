//! C11: the transcriber takes no audio and says nothing for a minute. The call's socket is read all the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::time::{Instant, sleep_until};
use voicecall::CarrierCallId;
use voicecall::audio::{FRAME_SAMPLES, Frame};
use voicecall::call::MediaSocket;
use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::media::{MediaEvent, StreamStart, WireMessages};
use voicecall::model::{ResultStream, SpeechToText, Transcript, TranscriptionOptions};
use voicecall::store::Direction;
use voicecall_core::testing::ScriptedMedia;

use super::agent::agent_that_hears;
use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC11;
const FRAME: Duration = Duration::from_millis(20);

/// How long the caller stays on the line.
const STAYS: Duration = Duration::from_secs(90);

#[test]
fn a_stalled_transcriber_leaves_no_frame_unread() {
    let what = "calls whose transcriber stalls for as long as they last";
    stall(Row::new("C11", what, SEED), Direction::Outbound);
    let what = "calls that come in whose transcriber stalls for as long as they last";
    stall(Row::new("C11", what, SEED), Direction::Inbound);
}

fn stall(mut row: Row, direction: Direction) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    in_virtual_time(async {
        let mut setup = Setup::new(SEED, Vec::new());
        // The sockets here are the test's own.
        setup.carrier.dials_after = Duration::from_secs(86_400);
        setup.agent = agent_that_hears(Arc::new(Stalled));
        setup.dialogue = Arc::new(|_| Box::new(Scripted::new(["Tell me."; 30])) as Box<dyn Dialogue>);
        let world = World::new(setup);
        let mut calls = tokio::task::JoinSet::new();
        for n in 0..scaled(100) {
            let (ticket, call) = world.answer(world.ringing(direction, n).await).await;
            let ticket = ticket.unwrap();
            let (engine, seen) = (Arc::clone(&world.engine), Arc::clone(&seen));
            calls.spawn(async move { engine.run(ticket, Talker::new(call, seen)).await });
        }
        while let Some(ended) = calls.join_next().await {
            ended.unwrap().unwrap();
            row.did(1);
        }
    });
    let seen = seen.lock().unwrap();
    row.some("frames sent", seen.frames);
    row.at_most("milliseconds a frame was left unread, at most", seen.longest.as_millis(), 100);
    row.finish();
}

/// Never takes a frame, never says anything.
#[derive(Debug)]
struct Stalled;

impl SpeechToText for Stalled {
    fn name(&self) -> &'static str {
        "stalled"
    }

    fn transcribe(&self, audio: BoxStream<'static, Frame>, _: &TranscriptionOptions) -> ResultStream<Transcript> {
        // Held, so that nobody takes the turn for closed.
        stream::once(async move {
            std::future::pending::<()>().await;
            drop(audio);
            unreachable!("it never goes on")
        })
        .boxed()
    }
}

#[derive(Debug, Default)]
struct Seen {
    frames: u64,
    longest: Duration,
}

/// A caller who talks two seconds in every five, and notes how late each frame is read.
struct Talker {
    call: CarrierCallId,
    seen: Arc<Mutex<Seen>>,
    begun: Instant,
    frames: u32,
    started: bool,
}

impl Talker {
    fn new(call: CarrierCallId, seen: Arc<Mutex<Seen>>) -> Self {
        Self { call, seen, begun: Instant::now(), frames: 0, started: false }
    }
}

impl MediaSocket for Talker {
    type Text = String;

    async fn receive(&mut self) -> Option<voicecall::Result<String>> {
        if !self.started {
            self.started = true;
            let call = self.call.clone();
            let start = StreamStart { stream: None, account: None, call, parameters: [].into() };
            return Some(Ok(ScriptedMedia::write(&MediaEvent::Started(start))));
        }
        let due = self.begun + FRAME * self.frames;
        sleep_until(due).await;
        if due - self.begun > STAYS {
            return None;
        }
        self.frames += 1;
        {
            let mut seen = self.seen.lock().unwrap();
            seen.frames += 1;
            seen.longest = seen.longest.max(Instant::now() - due);
        }
        let codes: [u8; 2] = if self.frames % 250 < 100 { [0x00, 0x80] } else { [0xFF, 0x7F] };
        let audio: Vec<u8> = codes.into_iter().cycle().take(FRAME_SAMPLES).collect();
        Some(Ok(ScriptedMedia::write(&MediaEvent::audio(audio))))
    }

    async fn send(&mut self, _: &WireMessages) -> voicecall::Result<()> {
        Ok(())
    }

    async fn close(&mut self) {}
}
