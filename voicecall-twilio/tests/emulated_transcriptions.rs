//! Transcriptions with the emulator over real sockets: live ones of a call, and those of its recording.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use support::{ACCOUNT, PUBLIC_URL, TOKEN};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use voicecall_core::carrier::{PlaceCall, RecordCall, RecordingId, RecordingStatus, VoiceBackend, WebhookRequest};
use voicecall_core::{CarrierCallId, ConsentToken, ErrorKind, SessionId};
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall_sim::phone::{Answer as Phone, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Number};
use voicecall_twilio::transcriptions::{
    InOrder, IntelligenceServiceSid, StartTranscription, Track, TranscriptAvailable, TranscriptStatus,
    TranscriptionEvent, TranscriptionEventKind, TranscriptionStatus,
};
use voicecall_twilio::{TwilioTranscriptions, TwilioVoice};

const OURS: &str = "+46100000001";
const THEIRS: &str = "+46700000001";

/// What the application was told.
#[derive(Debug)]
enum Told {
    Live(TranscriptionEvent),
    Available(TranscriptAvailable),
}

struct App {
    twilio: Arc<TwilioTranscriptions>,
    told: mpsc::UnboundedSender<Told>,
}

/// The application, the carrier, and what the carrier told.
struct Stage {
    twilio: Arc<TwilioTranscriptions>,
    calls: TwilioVoice,
    server: TwilioServer,
    told: mpsc::UnboundedReceiver<Told>,
}

fn url(path: &str) -> url::Url {
    format!("{PUBLIC_URL}{path}").parse().unwrap()
}

fn consent() -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(SessionId::new())
}

/// Takes in what has proved to be the carrier's; a call is told to wait.
async fn take_in(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let headers: Vec<(&str, &str)> =
        parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let target = parts.uri.path_and_query().unwrap().as_str();
    let request =
        WebhookRequest { method: parts.method.as_str(), path_and_query: target, headers: &headers, body: &body };
    let told = match parts.uri.path() {
        "/words" => app.twilio.webhook(&request).map(Told::Live),
        "/transcripts" => app.twilio.transcript_webhook(&request).map(Told::Available),
        path => {
            let seconds = if path == "/short" { 1 } else { 600 };
            let pause = format!(r#"<Response><Pause length="{seconds}"/></Response>"#);
            return ([("content-type", "text/xml")], pause).into_response();
        }
    };
    match told {
        Ok(told) => {
            let _ = app.told.send(told);
            StatusCode::OK.into_response()
        }
        Err(_) => StatusCode::FORBIDDEN.into_response(),
    }
}

impl Stage {
    async fn open(configure: impl FnOnce(&mut ExchangeOptions)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = listener.local_addr().unwrap();
        let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, vec![Number::new(OURS)])]);
        options.epoch = Timestamp::now();
        options.transcripts_url = Some(url("/transcripts").to_string());
        configure(&mut options);
        let exchange = Exchange::new(options, |_| Box::new(Silent(Phone::AT_ONCE)));
        let exchange = exchange.with_recogniser(|audio, _| (!audio.is_empty()).then(|| ("hej då".to_owned(), 0.9)));
        let server = TwilioServer::start(exchange, ServerOptions::default().route(&url("/"), local)).await.unwrap();
        let builder = TwilioVoice::builder().account_sid(ACCOUNT).auth_token(TOKEN).public_url(PUBLIC_URL);
        let builder = builder.api_base_url(server.api());
        let twilio = Arc::new(builder.clone().build_transcriptions().unwrap());
        let (sender, told) = mpsc::unbounded_channel();
        let app = Arc::new(App { twilio: Arc::clone(&twilio), told: sender });
        let router = Router::new().fallback(take_in).with_state(app);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { twilio, calls: builder.build().unwrap(), server, told }
    }

    /// A call that is on.
    async fn call(&self, answer: &str) -> CarrierCallId {
        let order = PlaceCall::new(THEIRS.parse().unwrap(), OURS.parse().unwrap(), url(answer), url("/status"));
        let call = self.calls.place(&order).await.unwrap().id;
        self.until(&call, "in-progress").await;
        call
    }

    async fn until(&self, call: &CarrierCallId, status: &str) {
        let is_so = |exchange: &Exchange| exchange.status(call.as_str()).filter(|now| now.as_str() == status).map(drop);
        self.server.until(is_so).await;
    }

    /// A recording of a second.
    async fn recording(&self) -> RecordingId {
        let call = self.call("/short").await;
        let recording = self.calls.start_recording(&call, &RecordCall::new(consent())).await.unwrap().id;
        self.until(&call, "completed").await;
        while self.calls.recording(&recording).await.unwrap().status != RecordingStatus::Completed {}
        recording
    }

    async fn told(&mut self) -> Told {
        tokio::time::timeout(Duration::from_secs(60), self.told.recv()).await.unwrap().unwrap()
    }

    /// What is told until the transcription has ended, in its order.
    async fn in_order(&mut self) -> Vec<TranscriptionEventKind> {
        let (mut order, mut kinds) = (InOrder::new(), Vec::new());
        while kinds.last() != Some(&TranscriptionEventKind::Stopped) {
            if let Told::Live(event) = self.told().await {
                kinds.extend(order.take_in(event).into_iter().map(|event| event.kind));
            }
        }
        kinds
    }
}

fn faulty(fault: Option<Fault>) -> impl FnOnce(&mut ExchangeOptions) {
    move |options| {
        if let Some(fault) = fault {
            options.faults = FaultPlan::new(1, vec![FaultRule::always(Site::WebhookStatus, fault)]).unwrap();
        }
    }
}

fn words(kinds: &[TranscriptionEventKind]) -> Vec<(Option<Track>, &str, bool)> {
    kinds
        .iter()
        .filter_map(|kind| match kind {
            TranscriptionEventKind::Speech(speech) => Some((speech.track, speech.text.as_str(), speech.is_final)),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn what_is_said_is_told_in_order_however_it_is_delivered() {
    for fault in [None, Some(Fault::OutOfOrder), Some(Fault::Duplicate { times: 2 })] {
        let mut stage = Stage::open(faulty(fault.clone())).await;
        let call = stage.call("/long").await;
        let mut settings = StartTranscription::new(consent(), url("/words"));
        settings.partial_results = true;
        settings.language = Some("sv-SE".to_owned());
        let begun = stage.twilio.start(&call, &settings).await.unwrap();
        stage.server.transcribed(call.as_str(), true, "Var är", false);
        stage.server.transcribed(call.as_str(), true, "Var är mitt paket?", true);
        stage.server.transcribed(call.as_str(), false, "Det är här.", true);
        assert!(!stage.twilio.stop(&call, &begun.sid).await.unwrap().is_live);
        stage.server.transcribed(call.as_str(), true, "Det hörs inte mer.", true);
        let kinds = stage.in_order().await;
        assert_eq!(kinds[0], TranscriptionEventKind::Started { language: Some("sv-SE".to_owned()) });
        let expected = [
            (Some(Track::Inbound), "Var är", false),
            (Some(Track::Inbound), "Var är mitt paket?", true),
            (Some(Track::Outbound), "Det är här.", true),
        ];
        assert_eq!(words(&kinds), expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_transcription_ends_with_its_call_and_none_begins_after_it() {
    let mut stage = Stage::open(|_| {}).await;
    let call = stage.call("/long").await;
    let settings = StartTranscription::new(consent(), url("/words"));
    stage.twilio.start(&call, &settings).await.unwrap();
    stage.server.transcribed(call.as_str(), true, "Hej", false);
    stage.server.transcribed(call.as_str(), true, "Hej då", true);
    stage.calls.hang_up(&call).await.unwrap();
    let kinds = stage.in_order().await;
    assert_eq!(words(&kinds), [(Some(Track::Inbound), "Hej då", true)], "nothing that may change was asked for");
    let error = stage.twilio.start(&call, &settings).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Closed, Some("21220")));
}

#[tokio::test]
async fn a_recording_is_transcribed_by_either_interface() {
    let mut stage = Stage::open(|_| {}).await;
    let recording = stage.recording().await;
    let made = stage.server.recording_transcribed(recording.as_str(), Some("hej då")).unwrap();
    let known = stage.twilio.of_recording(&recording).await.unwrap();
    assert_eq!((known.len(), known[0].sid.as_str(), known[0].text.as_deref()), (1, &*made, Some("hej då")));
    assert_eq!(stage.twilio.fetch(&known[0].sid).await.unwrap().status, TranscriptionStatus::Completed);
    stage.twilio.delete(&known[0].sid).await.unwrap();
    assert_eq!(stage.twilio.fetch(&known[0].sid).await.unwrap_err().kind(), ErrorKind::NotFound);

    let service: IntelligenceServiceSid = format!("GA{:032x}", 1).parse().unwrap();
    let ordered = stage.twilio.create_transcript(&service, &recording).await.unwrap();
    assert_eq!(ordered.status, TranscriptStatus::Queued);
    let Told::Available(told) = stage.told().await else { panic!("it is there") };
    assert_eq!((&told.transcript, told.service), (&ordered.sid, Some(service)));
    assert_eq!(stage.twilio.transcript(&ordered.sid).await.unwrap().status, TranscriptStatus::Completed);
    assert_eq!(stage.twilio.transcripts_of(&recording).await.unwrap().len(), 1);
    let sentences = stage.twilio.sentences(&ordered.sid, false).await.unwrap();
    let said: Vec<_> = sentences.iter().map(|it| (it.index, it.channel, it.text.as_str(), it.confidence)).collect();
    assert_eq!(said, [(0, 1, "hej då", Some(0.9)), (1, 2, "hej då", Some(0.9))]);
    stage.twilio.delete_transcript(&ordered.sid).await.unwrap();
    assert_eq!(stage.twilio.transcript(&ordered.sid).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_order_of_which_nobody_knows_is_looked_for() {
    for (fault, made) in [(Fault::AcceptThenDrop, 1), (Fault::DropBefore, 0)] {
        // The call, and then the transcript.
        let plan = FaultPlan::new(1, vec![FaultRule::nth(Site::RestCreate, 2, fault.clone())]).unwrap();
        let stage = Stage::open(|options| options.faults = plan).await;
        let recording = stage.recording().await;
        let service: IntelligenceServiceSid = format!("GA{:032x}", 1).parse().unwrap();
        let error = stage.twilio.create_transcript(&service, &recording).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{fault:?}");
        assert_eq!(stage.twilio.transcripts_of(&recording).await.unwrap().len(), made, "{fault:?}");
    }
}
