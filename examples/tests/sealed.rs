//! What people say stands nowhere at rest if it is to be sealed, and is there all the same for who has the key.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::world::{PHONE, SHOP, World, signed_token};
use support::{client, json as answer, traces, until};
use voicecall::audio::{FRAME_SAMPLES, Frame};

/// As long as a whole call lasts on a busy machine.
const WHOLE_CALL: Duration = Duration::from_secs(180);

/// Words of the customer's answers.
const SAID: [&str; 2] = ["mycket nöjd", "allt gick snabbt"];

/// What is left of one call, for who has the key and for who has not.
struct Left {
    session: String,
    call: Value,
    analytics: Value,
    /// The recording, as it is heard.
    wav: Vec<u8>,
    /// Where words, sounds or recorded inputs stand in plain form.
    found: Vec<String>,
}

async fn get(world: &World, path: &str, range: Option<&str>) -> reqwest::Response {
    let request = client().get(world.url(path)).bearer_auth(signed_token(&[SHOP], 60));
    let request = range.iter().fold(request, |request, range| request.header("range", *range));
    request.send().await.unwrap()
}

/// Runs a call, restarts the server in between, and looks for what the call left.
async fn one_call(world: &World) -> Left {
    let mut server = world.serve().await;
    let session = world.initiate().await;
    until("the end of the call", WHOLE_CALL, async || {
        server.must_live();
        (world.column("SELECT status FROM sessions") == ["completed"]).then_some(())
    })
    .await;
    let wav = until("the recording", Duration::from_secs(20), async || {
        let response = get(world, &format!("/api/calls/{session}/recording"), None).await;
        Some(response).filter(|response| response.status() == 200)
    })
    .await;
    let wav = wav.bytes().await.unwrap().to_vec();
    let part = get(world, &format!("/api/calls/{session}/recording"), Some("bytes=40-99")).await;
    assert_eq!(part.headers()["content-range"], format!("bytes 40-99/{}", wav.len()));
    assert_eq!(part.bytes().await.unwrap(), wav[40..=99]);
    let call = answer(get(world, &format!("/api/calls/{session}"), None).await, 200).await;
    let day = |days: i64| {
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
    };
    let analytics = format!("/api/analytics?businessId={SHOP}&from={}&until={}", day(-1), day(1));
    let analytics = answer(get(world, &analytics, None).await, 200).await;

    let mut wanted: Vec<_> = SAID.iter().map(|words| words.as_bytes().to_vec()).collect();
    wanted.extend(sounds(&wav));
    wanted.push(b"voicecall_inputs".to_vec());
    let found = places(world, &wanted);
    server.kill();
    Left { session, call, analytics, wav, found }
}

/// 100 ms of each side where it is loudest, as samples of both sides and as mu-law codes.
fn sounds(wav: &[u8]) -> Vec<Vec<u8>> {
    const WINDOW: usize = 5 * FRAME_SAMPLES;
    let samples: Vec<i16> = wav[44..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    let mut sounds = Vec::new();
    for side in 0..2 {
        let one: Vec<i16> = samples.iter().copied().skip(side).step_by(2).collect();
        let loudness = |window: &&[i16]| window.iter().map(|sample| i64::from(sample.unsigned_abs())).sum::<i64>();
        let (at, loudest) = one.chunks_exact(WINDOW).enumerate().max_by_key(|(_, window)| loudness(window)).unwrap();
        assert!(loudness(&loudest) > 100 * WINDOW as i64, "somebody spoke");
        sounds.push(wav[44 + 4 * at * WINDOW..44 + 4 * (at + 1) * WINDOW].to_vec());
        let codes = loudest.as_chunks::<FRAME_SAMPLES>().0.iter().flat_map(|frame| *Frame::encode(frame).as_bytes());
        sounds.push(codes.collect());
    }
    sounds
}

/// Where these stand below the folder: in the database, its log, and the recordings.
fn places(world: &World, wanted: &[Vec<u8>]) -> Vec<String> {
    let mut found = traces::in_files(&world.folder.path().join("recordings"), wanted);
    let files: Vec<_> = std::fs::read_dir(world.folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    let databases = files.iter().filter(|path| path.to_string_lossy().contains("feedback.sqlite"));
    for database in databases {
        found.extend(traces::find(&database.display().to_string(), &std::fs::read(database).unwrap(), wanted));
    }
    found
}

fn texts(call: &Value) -> String {
    call["responses"].to_string() + &call["transcript"].to_string()
}

#[tokio::test]
async fn a_call_leaves_neither_words_nor_sound_in_plain_form() {
    let (openly, mut sealed) = tokio::join!(World::start("happy"), World::start("happy"));
    sealed.set("SEAL_AT_REST", true);
    let (plain, left) = tokio::join!(one_call(&openly), one_call(&sealed));
    let of = |what: &str| plain.found.iter().filter(|place| place.contains(what)).count();
    assert!(of("feedback.sqlite") >= 2 && of("recording.wav") >= 2 && of("inputs") >= 1, "{:?}", plain.found);
    assert_eq!(left.found, [""; 0]);
    for said in SAID {
        assert!(texts(&left.call).contains(said), "{}", left.call);
    }
    assert_eq!(left.analytics["totals"]["calls"], 1);
    assert_eq!(left.analytics["questions"], plain.analytics["questions"], "counted as if it were not sealed");

    // Switched off, what is sealed is still read; the recording is written openly for whoever asks and has the key.
    let session = left.session.as_str();
    sealed.set("SEAL_AT_REST", false);
    sealed.run(&["unseal", session, "--out", "opened"]).await;
    assert_eq!(std::fs::read(sealed.folder.path().join("opened/recording.wav")).unwrap(), left.wav);
    sealed.run(&["replay", "opened/inputs.jsonl"]).await;
    let mut server = sealed.serve().await;
    let call = answer(get(&sealed, &format!("/api/calls/{session}"), None).await, 200).await;
    assert_eq!(texts(&call), texts(&left.call));
    let customer = json!({ "businessId": SHOP, "customerPhone": PHONE });
    let erase = client().post(sealed.url("/api/customers/erase")).bearer_auth(signed_token(&[SHOP], 60));
    let erased = answer(erase.json(&customer).send().await.unwrap(), 200).await;
    assert_eq!((&erased["sessions"], &erased["recordings"]), (&json!(1), &json!(1)));
    server.kill();

    // Switched on for what is there already.
    openly_sealed_later(openly, &plain).await;
}

async fn openly_sealed_later(mut world: World, plain: &Left) {
    let session = &plain.session;
    world.set("SEAL_AT_REST", true);
    let told = world.run(&["rekey"]).await;
    assert!(told.contains("texts and 2 files written anew"), "{told}");
    let mut wanted: Vec<_> = SAID.iter().map(|words| words.as_bytes().to_vec()).collect();
    wanted.extend(sounds(&plain.wav));
    assert_eq!(places(&world, &wanted), [""; 0]);
    let _server = world.serve().await;
    let recording = get(&world, &format!("/api/calls/{session}/recording"), None).await;
    assert_eq!(recording.bytes().await.unwrap(), plain.wav);
    let call = answer(get(&world, &format!("/api/calls/{session}"), None).await, 200).await;
    assert_eq!(texts(&call), texts(&plain.call));
}
