//! C7 and C8: media messages in any order, of any size, with anything in them.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use voicecall::carrier::{CallStatus, CarrierEvent, CarrierEventKind, VoiceBackend};
use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::engine::CallKey;
use voicecall::store::{Direction, MemoryStore, SessionStore};
use voicecall::twilio::TwilioVoice;
use voicecall::{TenantId, Vault};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_sim::fault::Rng;

use super::row::{Row, scaled};
use super::served::{DEADLINE, Served, head, post, resident_kib, upgrade};
use super::world::{Compose, World};

const SEED: u64 = 0xC8;

/// A frame of a text message that says it is so long, and is not.
fn announced(length: u64) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | 127];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame
}

#[tokio::test]
async fn a_frame_of_a_gibibyte_costs_nothing_but_its_socket() {
    let mut row = Row::new("C8", "media sockets on which a frame of 1 GiB is announced", SEED);
    let carrier = Arc::new(ScriptedCarrier::new());
    let dialogue: Arc<Compose> = Arc::new(|_| Box::new(Scripted::new(["Hello."])) as Box<dyn Dialogue>);
    let (vault, tenant) = (Arc::new(Vault::generate().unwrap()), TenantId::new());
    let served = Served::start(carrier, Arc::new(MemoryStore::new()), &vault, tenant, dialogue).await;
    let (mut before, mut open) = (0, 0);
    for n in 0..scaled(100) {
        let session = served.store.create_session(&served.new_session(&World::number(n))).await.unwrap();
        let session = served.engine.place(&session).await.unwrap();
        let attempt = served.store.attempts(tenant, session.id).await.unwrap().remove(0);
        let (key, call) = (CallKey::of(&attempt).unwrap(), attempt.call.unwrap());
        let kind = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
        let event = CarrierEvent::new(call.clone(), kind, format!("{call}-answer"));
        let request = ScriptedCarrier::webhook_of(&format!("/voice/{key}/answer"), &event);
        let (status, reply) = post(served.address, &request).await.unwrap();
        assert_eq!(status, 200, "{reply}");
        let token = reply.split("/media/").nth(1).unwrap().split('"').next().unwrap();
        let handshake = ScriptedCarrier::sign(&format!("/media/{token}"), "");
        let mut socket = upgrade(served.address, &handshake).await.unwrap();
        assert_eq!(head(&mut socket).await.unwrap().0, 101);
        if n == 0 {
            // What the first call of a process allocates once is not this call's.
            before = resident_kib().0;
        }
        socket.write_all(&announced(1 << 30)).await.unwrap();
        let closed = timeout(DEADLINE, socket.read_to_end(&mut Vec::new())).await;
        open += usize::from(closed.is_err());
        row.did(1);
    }
    row.never("sockets left open", open);
    row.at_most("KiB the process grew by, a socket", resident_kib().0.saturating_sub(before) / scaled(100), 1024);
    row.finish();
}

/// Messages as the carrier sends them.
const MESSAGES: [&str; 6] = [
    r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#,
    r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{}}}"#,
    r#"{"event":"media","sequenceNumber":"3","streamSid":"MZ1","media":{"track":"inbound","chunk":"1","timestamp":"5","payload":"f39/f39/f39/"}}"#,
    r#"{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"1"}}"#,
    r#"{"event":"dtmf","sequenceNumber":"5","streamSid":"MZ1","dtmf":{"track":"inbound_track","digit":"1"}}"#,
    r#"{"event":"stop","sequenceNumber":"6","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}"#,
];

/// A message, changed: bytes replaced, cut, doubled, or put into brackets a thousand deep.
fn mutated(rng: &mut Rng) -> String {
    let mut bytes = MESSAGES[(rng.next() % 6) as usize].as_bytes().to_vec();
    for _ in 0..=rng.next() % 4 {
        let at = (rng.next() as usize) % bytes.len().max(1);
        match rng.next() % 5 {
            0 => bytes[at..].iter_mut().take(1).for_each(|byte| *byte = b' ' + (rng.next() % 95) as u8),
            1 => bytes.truncate(at + 1),
            2 => bytes.splice(at..at, vec![b'['; 1000]).for_each(drop),
            3 => bytes.splice(at..at, *b"\"\\u0000").for_each(drop),
            _ => {
                let part = bytes[at..].to_vec();
                bytes.extend_from_slice(&part);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn whatever_is_in_a_message_and_in_whatever_order_nothing_panics() {
    let mut row = Row::new("C8", "mutated messages of a carrier's media socket, up to twelve a socket", SEED);
    let twilio = TwilioVoice::builder()
        .account_sid("AC0123456789abcdef0123456789abcdef")
        .auth_token("12345")
        .public_url("https://calls.example")
        .build()
        .unwrap();
    let mut rng = Rng::new(SEED);
    let (mut refused, mut read, mut too_early) = (0, 0, 0);
    for _ in 0..scaled(1_000_000).div_ceil(12) {
        let mut codec = twilio.media_codec();
        let mut started = false;
        for _ in 0..12 {
            let whole = rng.chance(0.3);
            let message = if whole { MESSAGES[(rng.next() % 6) as usize].to_owned() } else { mutated(&mut rng) };
            match codec.decode(&message) {
                Ok(Some(voicecall::media::MediaEvent::Started(_))) => started = true,
                Ok(Some(_)) if !started => too_early += 1,
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
            row.did(1);
        }
    }
    row.some("messages refused", refused);
    row.some("messages read or skipped", read);
    row.never("events before the start of the stream", too_early);
    row.finish();
}

/// What a socket may say, in any order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    RightStart,
    WrongStart,
    Audio,
    Mark,
    Key,
    Stop,
    Garbage,
}

#[test]
fn no_audio_is_taken_before_the_stream_has_named_its_call() {
    let what = "sockets that send up to 12 events in a random order";
    send_in_any_order(Row::new("C7", what, SEED), Direction::Outbound, 100_000);
    let what = "sockets of calls that come in, which send up to 12 events in a random order";
    send_in_any_order(Row::new("C7", what, SEED + 1000), Direction::Inbound, 5_000);
}

fn send_in_any_order(mut row: Row, direction: Direction, sockets: u64) {
    use super::world::{Setup, in_virtual_time};
    use voicecall::media::{MarkId, MediaEvent, StreamStart};
    use voicecall_core::testing::{ScriptedMedia, paired_socket};
    const ALL: [Said; 7] = {
        use Said::*;
        [RightStart, WrongStart, Audio, Mark, Key, Stop, Garbage]
    };
    let (mut admitted, mut refused, mut wrong) = (0u64, 0u64, 0);
    const SOCKETS: u64 = 500;
    for world in 0..scaled(sockets).div_ceil(SOCKETS) {
        in_virtual_time(async {
            let mut rng = Rng::fork(SEED, world);
            let mut setup = Setup::new(SEED, Vec::new());
            setup.carrier.dials_after = Duration::from_secs(86_400);
            let world = World::new(setup);
            for n in 0..SOCKETS {
                let ringing = world.ringing(direction, n).await;
                let session = ringing.session.clone().unwrap();
                let (ticket, call) = world.answer(ringing).await;
                let ticket = ticket.unwrap();
                let (socket, peer) = paired_socket();
                let engine = Arc::clone(&world.engine);
                let run = tokio::spawn(async move { engine.run(ticket, socket).await });
                let said: Vec<Said> = (0..=rng.next() % 12).map(|_| ALL[(rng.next() % 7) as usize]).collect();
                for said in &said {
                    let start = |call: &str| {
                        let call = voicecall::CarrierCallId::new(call);
                        MediaEvent::Started(StreamStart { stream: None, account: None, call, parameters: [].into() })
                    };
                    let text = match said {
                        Said::RightStart => ScriptedMedia::write(&start(call.as_str())),
                        Said::WrongStart => ScriptedMedia::write(&start("SC0")),
                        Said::Audio => ScriptedMedia::write(&MediaEvent::audio(&[0x00; 160][..])),
                        Said::Mark => ScriptedMedia::write(&MediaEvent::Mark(MarkId(1))),
                        Said::Key => ScriptedMedia::write(&MediaEvent::Key('1')),
                        Said::Stop => ScriptedMedia::write(&MediaEvent::Stopped),
                        Said::Garbage => "{".to_owned(),
                    };
                    if !peer.send(text).await {
                        break;
                    }
                }
                drop(peer);
                let ended = run.await.unwrap();
                // What comes before a start is out of order, and no start at all.
                let first = said.iter().find(|said| matches!(said, Said::RightStart | Said::WrongStart));
                let right = first == Some(&Said::RightStart);
                let was_connected = world.session(session.id).await.connected_at.is_some();
                wrong += usize::from(was_connected != right) + usize::from(ended.is_ok() != right);
                admitted += u64::from(right);
                refused += u64::from(!right);
                row.did(1);
            }
        });
    }
    row.some("sockets that named their call", admitted);
    row.some("sockets that did not", refused);
    row.never("connected without, or refused although", wrong);
    row.finish();
}
