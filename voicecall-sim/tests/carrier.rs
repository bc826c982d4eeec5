//! The neutral carrier keeps the rules of every carrier, does what its people and its faults say, and does it the same way twice.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::time::Duration;

use voicecall_core::carrier::{
    CallFlow, CallStatus, CarrierEvent, CarrierEventKind, IncomingCall, PlaceCall, RejectReason, VoiceBackend,
    WebhookReply,
};
use voicecall_core::testing::carrier_suite::{CarrierCase, run_all};
use voicecall_core::testing::{PairedSocket, ScriptedCarrier, SignedRequest};
use voicecall_core::{CarrierCallId, ErrorKind, PhoneNumber, Result, async_trait};
use voicecall_sim::carrier::{CarrierOptions, Outage, Receiver, SimCarrier};
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};

/// Says goodbye to everybody but one, for whom it is busy.
#[derive(Debug)]
struct Service(Arc<SimCarrier>);

const UNWANTED: u64 = 13;

#[async_trait]
impl Receiver for Service {
    async fn request(&self, request: &SignedRequest) -> Result<Option<WebhookReply>> {
        let event = request.with(|request| self.0.webhook(request))?;
        if let CarrierEventKind::Incoming(call) = &event.kind
            && call.from == Some(number(UNWANTED).into())
        {
            return self.0.reply(&CallFlow::reject(RejectReason::Busy)).map(Some);
        }
        event.kind.asks().then(|| self.0.reply(&CallFlow::farewell("Goodbye.", "en-US"))).transpose()
    }

    async fn connect(&self, _: &SignedRequest, _: PairedSocket) -> Result<()> {
        Ok(())
    }
}

fn carrier(seed: u64, rules: Vec<FaultRule>, change: impl FnOnce(&mut CarrierOptions)) -> Arc<SimCarrier> {
    let mut options = CarrierOptions::new(FaultPlan::new(seed, rules).unwrap());
    change(&mut options);
    let carrier = SimCarrier::new(options);
    carrier.serve(Some(Arc::new(Service(Arc::clone(&carrier)))));
    carrier
}

fn number(n: u64) -> PhoneNumber {
    format!("+4670{n:07}").parse().unwrap()
}

fn order(n: u64) -> PlaceCall {
    let url = |path: &str| format!("https://calls.example/{path}").parse().unwrap();
    PlaceCall::new(number(n), "+46700000000".parse().unwrap(), url("answer"), url("status"))
}

async fn ends(carrier: &SimCarrier) -> Vec<CallStatus> {
    tokio::time::sleep(Duration::from_secs(600)).await;
    carrier.serve(None);
    carrier.calls().iter().map(|call| call.status).collect()
}

#[tokio::test(start_paused = true)]
async fn the_carrier_keeps_every_rule_of_carriers() {
    run_all(|| async {
        let kind = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
        let event = CarrierEvent::new(CarrierCallId::new("SC1"), kind, "one".to_owned());
        CarrierCase {
            stream: "wss://calls.example/media/token".to_owned(),
            carrier: Box::new(Arc::into_inner(carrier_alone()).expect("nobody else holds it")),
            webhook: ScriptedCarrier::webhook_of("/voice/answer", &event),
            call: CarrierCallId::new("SC1"),
            handshake: ScriptedCarrier::sign("/media/token", ""),
            ended: Some(CarrierCallId::new("SC1")),
            gone: None,
            numbers: None,
        }
    })
    .await;
}

fn carrier_alone() -> Arc<SimCarrier> {
    SimCarrier::new(CarrierOptions::new(FaultPlan::default()))
}

async fn run(seed: u64) -> Vec<String> {
    let rules = vec![
        FaultRule::sometimes(Site::RestCreate, 0.2, Fault::AcceptThenDrop),
        FaultRule::sometimes(Site::WebhookStatus, 0.2, Fault::DropBefore),
        FaultRule::sometimes(Site::WebhookStatus, 0.2, Fault::OutOfOrder),
        FaultRule::sometimes(Site::WebhookVoice, 0.2, Fault::Duplicate { times: 2 }),
    ];
    let carrier = carrier(seed, rules, |options| {
        (options.people.busy, options.people.absent) = (0.3, 0.3);
    });
    for n in 0..50 {
        let _ = carrier.place(&order(n)).await;
    }
    ends(&carrier).await;
    carrier.log()
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_run() {
    let log = run(5).await;
    assert_eq!(log, run(5).await);
    assert_ne!(log, run(6).await);
    for happened in ["is Busy", "is NoAnswer", "is Completed", "is lost", "unknown_outcome"] {
        assert!(log.iter().any(|line| line.contains(happened)), "{happened}: {log:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn people_are_busy_absent_or_answer_as_often_as_was_said() {
    let carrier = carrier(1, Vec::new(), |options| {
        (options.people.busy, options.people.absent, options.people.unreachable) = (0.2, 0.3, 0.1);
    });
    for n in 0..1000 {
        carrier.place(&order(n)).await.unwrap();
    }
    let ends = ends(&carrier).await;
    let count = |status| ends.iter().filter(|end| **end == status).count();
    assert!((150..250).contains(&count(CallStatus::Busy)), "{}", count(CallStatus::Busy));
    assert!((250..350).contains(&count(CallStatus::NoAnswer)));
    assert!((60..140).contains(&count(CallStatus::Failed)));
    assert!((350..450).contains(&count(CallStatus::Completed)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_or_rings_is_cancelled() {
    let carrier = carrier(1, Vec::new(), |options| options.dials_per_second = Some(0.1));
    let (rings, waits) = (carrier.place(&order(1)).await.unwrap(), carrier.place(&order(2)).await.unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    for call in [&rings, &waits] {
        carrier.hang_up(&call.id).await.unwrap();
    }
    assert_eq!(ends(&carrier).await, [CallStatus::Canceled; 2]);
    let calls = carrier.calls();
    assert!(calls[0].rang_at.is_some() && calls[1].rang_at.is_none(), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_in_is_asked_about_before_it_is_answered() {
    let carrier = carrier(1, Vec::new(), |_| {});
    for n in [1, UNWANTED] {
        let url = |path: &str| format!("https://calls.example/{path}").parse().unwrap();
        let call = IncomingCall::new(number(0).into()).with_from(Some(number(n).into()));
        carrier.call_in(call, &url("incoming"), &url("status"), None).unwrap();
    }
    assert_eq!(ends(&carrier).await, [CallStatus::Completed, CallStatus::Busy]);
    let calls = carrier.calls();
    assert_eq!((calls[0].person(), &*calls[0].said), (Some(&number(1)), &["Goodbye.".to_owned()][..]));
    assert!(calls[0].answered_at.is_some() && calls[1].answered_at.is_none());
    assert!(carrier.orders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_queue_lets_calls_wait_and_tells_nobody() {
    let carrier = carrier(1, Vec::new(), |options| options.dials_per_second = Some(1.0));
    for n in 0..20 {
        assert_eq!(carrier.place(&order(n)).await.unwrap().status, CallStatus::Queued);
    }
    ends(&carrier).await;
    let rang: Vec<u64> = carrier.calls().iter().filter_map(|call| Some(call.rang_at?.as_secs())).collect();
    assert_eq!(rang, (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn orders_fail_as_planned_and_in_an_outage() {
    let retry_after = Some(Duration::from_secs(7));
    let rules = vec![
        FaultRule::nth(Site::RestCreate, 1, Fault::RateLimit { retry_after }),
        FaultRule::nth(Site::RestCreate, 2, Fault::DropBefore),
        FaultRule::nth(Site::RestCreate, 3, Fault::AcceptThenDrop),
        FaultRule::nth(Site::RestCreate, 4, Fault::Error { status: 500, accepted: true }),
        FaultRule::nth(Site::RestCreate, 5, Fault::Error { status: 400, accepted: false }),
    ];
    let hour = Duration::from_secs(3600);
    let carrier = carrier(1, rules, |options| {
        options.outages.push(Outage { from: hour, until: 2 * hour, kind: ErrorKind::Unavailable });
    });
    let mut kinds = Vec::new();
    for n in 0..6 {
        kinds.push(carrier.place(&order(n)).await.err().map(|error| (error.kind(), error.retry_after())));
    }
    let unknown = Some((ErrorKind::UnknownOutcome, None));
    let limited = Some((ErrorKind::RateLimited, retry_after));
    assert_eq!(kinds, [limited, unknown, unknown, unknown, Some((ErrorKind::Rejected, None)), None]);
    let called: Vec<_> = carrier.calls().into_iter().map(|call| call.to).collect();
    assert_eq!(called, [number(2), number(3), number(5)]);
    tokio::time::sleep(hour).await;
    assert_eq!(carrier.place(&order(7)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    tokio::time::sleep(hour).await;
    assert!(carrier.place(&order(7)).await.is_ok());
    carrier.serve(None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_asked_again_and_given_up() {
    let carrier = carrier(1, Vec::new(), |_| {});
    carrier.serve(None);
    carrier.place(&order(1)).await.unwrap();
    assert_eq!(ends(&carrier).await, [CallStatus::Completed]);
    assert!(carrier.calls()[0].said.is_empty());
    assert!(carrier.log().iter().any(|line| line.ends_with("is given up")), "{:#?}", carrier.log());
}
