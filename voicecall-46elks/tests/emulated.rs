//! Our side of the account against the emulated carrier: what it knows, and what happens when something goes wrong.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use support::{OURS, PASSWORD, SOCKET, THEIRS, USER, account, builder, elks, serve};
use voicecall_46elks::ElksVoice;
use voicecall_core::carrier::{
    CallDirection, CallQuery, CallStatus, CarrierEvent, CarrierEventKind, FindCalls, MachineDetection, NumberWebhooks,
    PlaceCall, RecordingId, VoiceBackend,
};
use voicecall_core::{CarrierCallId, ErrorKind};
use voicecall_sim::elks46::{ElksOptions, ElksServer, Unconfirmed};
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall_sim::phone::{Answer, Silent};

/// Nobody is there: every call ends when it asks what to do.
async fn start(options: ElksOptions) -> (ElksServer, ElksVoice) {
    let server = serve("127.0.0.1:1".parse().unwrap(), options).await;
    let carrier = elks(&server);
    (server, carrier)
}

fn both() -> [ElksOptions; 2] {
    let mut other = account();
    other.unconfirmed = Unconfirmed::otherwise();
    [account(), other]
}

fn with_fault(site: Site, fault: Fault) -> ElksOptions {
    let mut options = account();
    options.faults = FaultPlan::new(1, vec![FaultRule::nth(site, 1, fault)]).unwrap();
    options
}

fn order() -> PlaceCall {
    let url = |path: &str| format!("https://calls.example/voice/{path}").parse().unwrap();
    PlaceCall::new(THEIRS.parse().unwrap(), OURS.parse().unwrap(), url("k/answer"), url("status?call=k"))
}

fn search() -> FindCalls {
    let since = Timestamp::now() - SignedDuration::from_secs(5);
    FindCalls { to: THEIRS.parse().unwrap(), from: OURS.parse().unwrap(), since }
}

#[tokio::test]
async fn a_call_is_placed_followed_and_has_a_price_in_the_end() {
    for options in both() {
        let lags = options.unconfirmed.rest_lags;
        let (server, elks) = start(options).await;
        let placed = elks.place(&order()).await.unwrap();
        assert_eq!(placed.direction, Some(CallDirection::OutboundApi));
        server.ended(placed.id.as_str()).await;
        tokio::time::sleep(lags).await;
        let call = elks.fetch(&placed.id).await.unwrap();
        assert_eq!((call.status, call.to.unwrap().reveal()), (CallStatus::Completed, THEIRS));
        assert_eq!(call.price.unwrap().currency, "SEK");
        assert!(call.started_at >= call.created_at && call.duration.is_some());
    }
}

#[tokio::test]
async fn who_is_not_reached_has_a_status_that_claims_no_more_than_is_told() {
    for (answer, told, status) in [
        (Answer::Busy, false, CallStatus::Failed),
        (Answer::Busy, true, CallStatus::Busy),
        (Answer::Never, true, CallStatus::Failed),
        (Answer::Unreachable, true, CallStatus::Failed),
    ] {
        let mut options = account();
        options.unconfirmed.tells_busy = told;
        let server = ElksServer::start(options, Default::default(), move |_| Box::new(Silent(answer))).await.unwrap();
        let elks = builder(server.api()).build().unwrap();
        let mut order = order();
        order.ring_timeout = Duration::from_secs(1);
        let placed = elks.place(&order).await.unwrap();
        server.ended(placed.id.as_str()).await;
        assert_eq!(elks.fetch(&placed.id).await.unwrap().status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn an_order_whose_outcome_is_unknown_is_found_and_never_sent_again() {
    for (fault, placed) in [
        (Fault::AcceptThenDrop, 1),
        (Fault::DropBefore, 0),
        (Fault::Error { status: 502, accepted: true }, 1),
        (Fault::Error { status: 500, accepted: false }, 0),
    ] {
        let (server, elks) = start(with_fault(Site::RestCreate, fault.clone())).await;
        assert_eq!(elks.place(&order()).await.unwrap_err().kind(), ErrorKind::UnknownOutcome, "{fault:?}");
        assert_eq!(server.calls().len(), placed, "{fault:?}");
        let found = elks.find(&search()).await.unwrap();
        assert_eq!(found.len(), placed, "{fault:?}");
        let later = FindCalls { since: Timestamp::now() + SignedDuration::from_secs(5), ..search() };
        assert!(elks.find(&later).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_was_refused_was_not_done_and_says_why() {
    for json in [false, true] {
        let mut options = account();
        options.unconfirmed.json_errors = json;
        let (server, elks) = start(options).await;
        let mut foreign = order();
        foreign.from = "+46766861055".parse().unwrap();
        let error = elks.place(&foreign).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(error.to_string().contains("not allowed") && !error.to_string().contains("766861055"), "{error}");
        let wrong = builder(server.api()).api_password("wrong-password").build().unwrap();
        assert_eq!(wrong.health().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
        assert!(elks.health().await.is_ok());
        assert_eq!(elks.fetch(&CarrierCallId::new("c404")).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(server.calls().is_empty());
    }
    let retry_after = Some(Duration::from_secs(3));
    let (_server, elks) = start(with_fault(Site::RestCreate, Fault::RateLimit { retry_after })).await;
    let limited = elks.place(&order()).await.unwrap_err();
    assert_eq!((limited.kind(), limited.retry_after()), (ErrorKind::RateLimited, retry_after));
}

#[tokio::test]
async fn what_there_is_not_is_not_ordered() {
    let (server, elks) = start(account()).await;
    let mut order = order();
    order.machine_detection = Some(MachineDetection::before_instructions());
    let error = elks.place(&order).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("machine_detection")));
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn calls_are_listed_page_by_page() {
    let (server, elks) = start(account()).await;
    for _ in 0..5 {
        let placed = elks.place(&order()).await.unwrap();
        server.ended(placed.id.as_str()).await;
    }
    let mut query = CallQuery::new();
    query.page_size = 2;
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = elks.list(&query).await.unwrap();
        seen.extend(page.calls.into_iter().map(|call| call.id));
        pages += 1;
        query.page = page.next;
        if query.page.is_none() {
            break;
        }
    }
    let all: Vec<CarrierCallId> =
        server.calls().iter().rev().map(|call| CarrierCallId::new(call.id.as_str())).collect();
    assert_eq!((seen, pages), (all, 3));
    query.to = Some(THEIRS.parse().unwrap());
    assert_eq!(elks.list(&query).await.unwrap_err().field(), Some("to"));
}

#[tokio::test]
async fn a_number_of_the_account_and_the_sockets_number_are_set_in_whichever_field() {
    for options in both() {
        let (server, elks) = start(options).await;
        assert_eq!(elks.media_url().await.unwrap(), None);
        let media = "wss://calls.example/media/46elks".parse().unwrap();
        elks.set_media_url(&media).await.unwrap();
        assert_eq!(elks.media_url().await.unwrap(), Some(media));
        let number = OURS.parse().unwrap();
        let incoming = Some("https://calls.example/voice/46elks/incoming".parse().unwrap());
        elks.set_number_webhooks(&number, &NumberWebhooks { incoming: incoming.clone(), status: None }).await.unwrap();
        assert_eq!(elks.number_webhooks(&number).await.unwrap().incoming, incoming);
        // With another secret it is somebody else's address.
        let other = builder(server.api()).webhook_secret("another secret of ours").build().unwrap();
        assert_eq!(other.number_webhooks(&number).await.unwrap().incoming, None);
        elks.set_number_webhooks(&number, &NumberWebhooks::default()).await.unwrap();
        assert_eq!(server.numbers()[0].voice_start, None);
        let stranger = ElksVoice::builder()
            .api_username(USER)
            .api_password(PASSWORD)
            .websocket_number("+4600700099")
            .public_url(support::PUBLIC)
            .api_base_url(server.api())
            .build()
            .unwrap();
        assert_eq!(stranger.media_url().await.unwrap_err().field(), Some("ELKS_WEBSOCKET_NUMBER"));
        assert_ne!(SOCKET, "+4600700099");
    }
}

#[tokio::test]
async fn a_report_is_what_the_carrier_says_itself() {
    for options in both() {
        let (server, elks) = start(options).await;
        let placed = elks.place(&order()).await.unwrap();
        let kind = CarrierEventKind::Status { status: CallStatus::Busy, duration: None, cause: None };
        let report = CarrierEvent::new(placed.id.clone(), kind.clone(), "one".to_owned());
        server.ended(placed.id.as_str()).await;
        // Also if the interface is a little later than the report.
        let confirmed = elks.confirm(report).await.unwrap();
        assert!(matches!(confirmed.kind, CarrierEventKind::Status { status: CallStatus::Completed, .. }));
        assert_eq!(confirmed.delivery, "one");
        let forged = CarrierEvent::new(CarrierCallId::new("c404"), kind, "two".to_owned());
        assert_eq!(elks.confirm(forged).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    let (_server, elks) = start(with_fault(Site::RestFetch, Fault::Error { status: 503, accepted: false })).await;
    let kind = CarrierEventKind::Status { status: CallStatus::Busy, duration: None, cause: None };
    let report = CarrierEvent::new(CarrierCallId::new("c1"), kind, "one".to_owned());
    assert_eq!(elks.confirm(report).await.unwrap_err().kind(), ErrorKind::Unavailable, "it may come again");
}

#[tokio::test]
async fn recordings_are_found_by_their_call_and_fetched() {
    use voicecall_core::carrier::{CallFlow, CallStep, Play, RecordCall, StartRecording};
    use voicecall_core::{ConsentToken, SessionId};

    let (server, elks) = start(account()).await;
    let mut settings = RecordCall::new(ConsentToken::operator_declares_legal_basis(SessionId::new()));
    settings.status_url = Some("https://calls.example/voice/status".parse().unwrap());
    let start = StartRecording::new("whole".parse().unwrap(), settings);
    let play = Play::new("https://calls.example/a.wav".parse().unwrap());
    let flow = CallFlow(vec![CallStep::StartRecording(start), CallStep::Play(play), CallStep::HangUp]);
    // The order itself may hold the action.
    let id = server.place(OURS, THEIRS, &elks.reply(&flow).unwrap().body);
    server.ended(&id).await;
    let call = CarrierCallId::new(id.as_str());
    let recordings = elks.recordings(&call).await.unwrap();
    assert_eq!((recordings.len(), recordings[0].call.as_ref()), (1, Some(&call)));
    let known = elks.recording(&recordings[0].id).await.unwrap();
    assert_eq!(known.duration, Some(Duration::from_secs(1)));
    let audio = elks.recording_audio(&known.id).await.unwrap().read(1 << 20).await.unwrap();
    assert!(audio.starts_with(b"RIFF") && audio.len() > 16_000);
    assert!(elks.recordings(&CarrierCallId::new("c404")).await.unwrap().is_empty());
    let none = elks.recording(&RecordingId::new("c404-r0")).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    // It was made a moment ago, so a message would be it.
    let kind = CarrierEventKind::MessageRecorded { recording: RecordingId::new("x"), duration: None, hung_up: false };
    let asked = elks.confirm(CarrierEvent::new(call, kind, "three".to_owned())).await.unwrap();
    assert!(matches!(asked.kind, CarrierEventKind::MessageRecorded { recording, .. } if recording == known.id));
}
