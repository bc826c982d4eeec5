//! Recordings: begun, paused, ended, read and deleted.

use voicecall_core::ErrorKind;
use voicecall_core::carrier::{PausedAudio, RecordCall, RecordingChannels, RecordingId, RecordingStatus, VoiceBackend};

use crate::support::{ACCOUNT, Answer};
use crate::{call, consent, scripted};

fn recording() -> RecordingId {
    RecordingId::new("RE1")
}

fn recording_json(status: &str, channels: u8) -> String {
    format!(r#"{{"sid":"RE1","call_sid":"CA1","status":"{status}","channels":{channels},"duration":"7"}}"#)
}

#[tokio::test]
async fn a_recording_is_begun_paused_resumed_and_ended() {
    let answer = |status| Answer::new(200, recording_json(status, 2));
    let (twilio, emulator) = scripted([
        Answer::new(201, recording_json("in-progress", 2)),
        answer("paused"),
        answer("in-progress"),
        answer("stopped"),
        Answer::error(400, 21220),
    ])
    .await;

    let begun = twilio.start_recording(&call(), &RecordCall::new(consent())).await.unwrap();
    twilio.pause_recording(&call(), &begun.id, PausedAudio::Nothing).await.unwrap();
    twilio.resume_recording(&call(), &begun.id, &consent()).await.unwrap();
    twilio.stop_recording(&call(), &begun.id).await.unwrap();
    twilio.stop_recording(&call(), &begun.id).await.expect("what has ended has ended");

    assert_eq!((begun.status, begun.channels), (RecordingStatus::InProgress, Some(RecordingChannels::Dual)));
    let seen = emulator.seen();
    assert_eq!(seen[0].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1/Recordings.json"));
    let form =
        |index: usize| seen[index].fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    assert_eq!(form(0), ["RecordingChannels=dual", "RecordingTrack=both", "Trim=do-not-trim"]);
    assert_eq!(seen[1].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1/Recordings/RE1.json"));
    assert_eq!(form(1), ["Status=paused", "PauseBehavior=skip"]);
    assert_eq!(form(2), ["Status=in-progress"]);
    assert_eq!(form(3), ["Status=stopped"]);
}

#[tokio::test]
async fn whether_a_recording_began_may_be_unknown() {
    for answer in [Answer::new(500, ""), Answer::new(201, "not json"), Answer::new(408, "")] {
        let (twilio, emulator) = scripted([answer]).await;
        let error = twilio.start_recording(&call(), &RecordCall::new(consent())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
        assert_eq!(emulator.seen().len(), 1);
    }
}

#[tokio::test]
async fn audio_is_asked_for_with_the_channels_it_has_and_read_within_bounds() {
    for (channels, query) in [(2, "?RequestedChannels=2"), (1, "")] {
        let answers = [
            Answer::new(200, recording_json("completed", channels)),
            Answer::new(200, "RIFF...."),
            Answer::new(200, recording_json("completed", channels)),
            Answer::new(200, "RIFF...."),
        ];
        let (twilio, emulator) = scripted(answers).await;
        let audio = twilio.recording_audio(&recording()).await.unwrap();
        assert_eq!(audio.length, Some(8));
        assert_eq!(audio.read(8).await.unwrap(), "RIFF....");
        assert!(twilio.recording_audio(&recording()).await.unwrap().read(7).await.is_err());
        let seen = &emulator.seen()[1];
        assert_eq!(seen.target, format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE1.wav{query}"));
        assert!(seen.authorization.starts_with("Basic "));
    }
}

#[tokio::test]
async fn audio_that_is_not_there_is_not_found() {
    let (twilio, _) = scripted([Answer::new(200, recording_json("processing", 1)), Answer::error(404, 20404)]).await;
    assert_eq!(twilio.recording_audio(&recording()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn deleting_a_recording_that_is_gone_succeeds() {
    let answers = [Answer::new(204, ""), Answer::error(404, 20404), Answer::new(500, "")];
    let (twilio, emulator) = scripted(answers).await;
    twilio.delete_recording(&recording()).await.unwrap();
    twilio.delete_recording(&recording()).await.unwrap();
    assert_eq!(twilio.delete_recording(&recording()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let seen = &emulator.seen()[0];
    assert_eq!(
        (&*seen.method, &*seen.target),
        ("DELETE", &*format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE1.json"))
    );
}

#[tokio::test]
async fn a_recordings_id_that_would_leave_its_path_is_not_sent() {
    let (twilio, emulator) = scripted([]).await;
    for id in ["", "..", "RE1/../../x", "RE1.json?x=1", "Twilio.CURRENT"] {
        let id = RecordingId::new(id);
        assert_eq!(twilio.recording(&id).await.unwrap_err().field(), Some("recording"));
        assert_eq!(twilio.recording_audio(&id).await.unwrap_err().field(), Some("recording"));
        assert_eq!(twilio.delete_recording(&id).await.unwrap_err().field(), Some("recording"));
        assert_eq!(twilio.stop_recording(&call(), &id).await.unwrap_err().field(), Some("recording"));
    }
    assert!(emulator.seen().is_empty());
}
