//! C19: webhooks that are not the carrier's, or not as it sent them: nothing happens.

use std::collections::BTreeSet;
use std::sync::Arc;

use url::form_urlencoded;
use voicecall::carrier::{CallFlow, CallStep, Gather, Play, VoiceBackend, WithoutInput};
use voicecall::elks46::ElksVoice;
use voicecall::engine::{CallEngine, CallHandler, ReportOf};
use voicecall::store::{PageRequest, SessionStore};
use voicecall::twilio::TwilioVoice;
use voicecall_core::testing::SignedRequest;
use voicecall_sim::fault::Rng;
use voicecall_sim::twilio::sign;

use super::row::{Row, scaled};
use super::world::{OURS, Setup, World, in_virtual_time};

const SEED: u64 = 0xC19;
const PUBLIC: &str = "https://calls.example";
const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "a made-up token";
const CALL: &str = "CA0123456789abcdef0123456789abcdef";

/// After so many it is looked whether anything has changed.
const LOOK_AFTER: u64 = 1000;

type Form = Vec<(String, String)>;

fn form(fields: &[(&str, &str)]) -> Form {
    fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A request as Twilio makes it.
fn signed(path: &str, form: &Form) -> SignedRequest {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    SignedRequest::new("POST", path, body)
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_header("x-twilio-signature", sign(TOKEN, &format!("{PUBLIC}{path}"), form))
}

/// What is signed of a request: its address and its fields, as a set.
fn meaning(request: &SignedRequest) -> (String, BTreeSet<(String, String)>) {
    (request.path_and_query.clone(), form_urlencoded::parse(&request.body).into_owned().collect())
}

/// The request with something about it changed.
fn mutated(original: &SignedRequest, other: &SignedRequest, rng: &mut Rng) -> SignedRequest {
    let mut request = original.clone();
    let at = |rng: &mut Rng, length: usize| (rng.next() as usize) % length.max(1);
    match rng.next() % 11 {
        0 => request.headers.retain(|(name, _)| name != "x-twilio-signature"),
        1 => {
            let signature = &mut request.headers[1].1;
            let place = at(rng, signature.len());
            signature.replace_range(place..=place, if &signature[place..=place] == "A" { "B" } else { "A" });
        }
        2 => request.headers[1].1.clone_from(&other.headers[1].1),
        3 => request.body.truncate(at(rng, original.body.len())),
        4 => request.body.extend_from_slice(b"&CallStatus=failed"),
        5 => request.body.extend(std::iter::repeat_n(b'x', 10_000 + at(rng, 10_000))),
        6 => request.path_and_query.push_str("&x=1"),
        7 => request.body.clone_from(&other.body),
        8 => request.body = (0..at(rng, 500)).map(|_| rng.next() as u8).collect(),
        9 => request.headers[1].1 = (0..at(rng, 200)).map(|_| char::from(b' ' + (rng.next() % 95) as u8)).collect(),
        _ => {
            for _ in 0..=rng.next() % 4 {
                let place = at(rng, request.body.len());
                request.body.splice(place..place + 1, [rng.next() as u8]).for_each(drop);
            }
        }
    }
    request
}

/// Everything that is kept of all sessions.
async fn kept(world: &World) -> String {
    let mut kept = String::new();
    for id in world.sessions().await {
        let events = world.store.events(world.tenant, id, PageRequest { page: 1, per_page: 100 }).await.unwrap().items;
        kept += &format!("{:?} {events:?} {:?}\n", world.session(id).await, world.attempts(id).await);
    }
    kept
}

async fn engine(world: &World, carrier: impl VoiceBackend + 'static) -> Arc<CallEngine> {
    world.engine_of(Arc::new(carrier), Arc::clone(&world.business) as Arc<dyn CallHandler>)
}

#[test]
fn a_webhook_that_is_not_as_the_carrier_signed_it_changes_nothing() {
    let mut row = Row::new("C19", "forged, replayed, cut, doubled, oversized and malformed webhooks", SEED);
    in_virtual_time(async {
        let twilio = TwilioVoice::builder().account_sid(ACCOUNT).auth_token(TOKEN).public_url(PUBLIC).build().unwrap();
        let world = World::idle(Setup::new(SEED, Vec::new()));
        let engine = engine(&world, twilio).await;
        let comes_in = form(&[
            ("AccountSid", ACCOUNT),
            ("CallSid", CALL),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", "+46701234567"),
            ("To", OURS),
        ]);
        let incoming = signed("/voice/sim/incoming", &comes_in);
        let account = "sim".parse().unwrap();
        let asked = engine.incoming(account, &incoming.request(&incoming.headers())).await.unwrap();
        let before = kept(&world).await;

        let ended =
            form(&[("AccountSid", ACCOUNT), ("CallSid", CALL), ("CallStatus", "completed"), ("CallDuration", "5")]);
        let report = signed("/voice/status?account=sim", &ended);
        let mut rng = Rng::new(SEED);
        let (mut accepted, mut changes, mut otherwise) = (0, 0, 0);
        for n in 1..=scaled(1_000_000) {
            row.did(1);
            if n % 100 == 0 {
                // The very same once more.
                let again = engine.incoming(account, &incoming.request(&incoming.headers())).await;
                otherwise += usize::from(!again.is_ok_and(|reply| reply.body == asked.body));
                continue;
            }
            let forged = mutated(&report, &incoming, &mut rng);
            if meaning(&forged) == meaning(&report) && forged.headers == report.headers {
                // Only the bytes differ, not what was signed.
                continue;
            }
            let headers = forged.headers();
            accepted += usize::from(engine.report(ReportOf::Account(account), &forged.request(&headers)).await.is_ok());
            if n % LOOK_AFTER == 0 || n < 100 {
                changes += usize::from(kept(&world).await != before);
            }
        }
        row.never("forged webhooks that were taken in", accepted);
        row.never("changes of what is kept", changes + usize::from(kept(&world).await != before));
        row.never("replays answered otherwise than the first time", otherwise);
        // What all of these were made of is the carrier's, and news once.
        for is_news in [true, false] {
            let taken = engine.report(ReportOf::Account(account), &report.request(&report.headers())).await;
            assert_eq!(taken.unwrap(), is_news);
        }
    });
    row.finish();
}

#[test]
fn a_secret_address_with_anything_changed_is_refused() {
    let mut row = Row::new("C19", "secret addresses of a carrier that signs nothing, with something changed", SEED + 1);
    let elks = ElksVoice::builder()
        .api_username("u1")
        .api_password("a made-up password")
        .websocket_number("+4600700001")
        .public_url(PUBLIC)
        .build()
        .unwrap();
    let action = format!("{PUBLIC}/voice/0123/answer").parse().unwrap();
    let mut keys = Gather::keys(action).with_prompt(Play::new(format!("{PUBLIC}/beep.wav").parse().unwrap()));
    keys.without_input = WithoutInput::Ask;
    let reply = elks.reply(&CallFlow(vec![CallStep::Gather(keys)])).unwrap();
    let reply: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let address = reply["next"].as_str().and_then(|url| url.strip_prefix(PUBLIC)).unwrap().to_owned();
    let body = "callid=c0123456789abcdef&result=1";
    let knows = |path: &str| SignedRequest::new("POST", path, body).with(|request| elks.webhook(request).is_ok());
    assert!(knows(&address), "as it was given away");
    let (mut rng, mut accepted) = (Rng::new(SEED), 0);
    for _ in 0..scaled(200_000) {
        let mut path = address.clone().into_bytes();
        for _ in 0..=rng.next() % 3 {
            let place = (rng.next() as usize) % path.len();
            match rng.next() % 4 {
                0 => path[place] = b'!' + (rng.next() % 94) as u8,
                1 => path.truncate(place + 1),
                2 => drop(path.remove(place)),
                _ => path.insert(place, b'!' + (rng.next() % 94) as u8),
            }
            if path.is_empty() {
                path.push(b'/');
            }
        }
        let path = String::from_utf8(path).unwrap();
        // What is added behind the code is not covered by it, and not read.
        let is_covered = !path.starts_with(&address);
        accepted += usize::from(is_covered && knows(&path));
        row.did(1);
    }
    row.never("of them taken in", accepted);
    row.finish();
}
