use std::convert::Infallible;

use super::*;
use crate::CallTime;
use crate::id::{CarrierCallId, Epoch};
use crate::journal::{Fact, JournalEntry};
use crate::seal::Vault;
use crate::store::{EndReason, EventSource, NewSession, Session, SessionChange};

fn call(at: Timestamp) -> Session {
    let (vault, tenant) = (Vault::generate().unwrap(), TenantId::new());
    let mut session =
        Session::created(&NewSession::outbound_to(&vault, tenant, &"+46701234567".parse().unwrap(), at).unwrap());
    session.due_at = None;
    session
}

fn kinds(events: &[Event]) -> Vec<(&'static str, &str)> {
    events.iter().map(|event| (event.kind.as_str(), event.data["status"].as_str().unwrap_or_default())).collect()
}

#[test]
fn a_call_tells_how_it_went() {
    let at = Timestamp::UNIX_EPOCH;
    let mut session = call(at);
    assert_eq!(kinds(&Event::of_creation(&session)), [("call.initiated", "initiated"), ("call.status", "initiated")]);
    let steps = [
        (SessionChange::Connecting { call: CarrierCallId::new("CA1"), at }, "call.ringing", "ringing"),
        (SessionChange::Connected { at }, "call.answered", "in-progress"),
        (
            SessionChange::Ended { reason: EndReason::RemoteHangup, source: EventSource::Person, at },
            "call.completed",
            "completed",
        ),
    ];
    for (change, kind, status) in steps {
        session.apply(&change).unwrap();
        assert_eq!(kinds(&Event::of_session(&session, &change)), [(kind, status), ("call.status", status)]);
    }
}

#[test]
fn who_was_not_reached_has_the_carriers_word() {
    for (reason, status) in [
        (EndReason::Busy, "busy"),
        (EndReason::NoAnswer, "no-answer"),
        (EndReason::Canceled, "canceled"),
        (EndReason::CallFailed, "failed"),
        (EndReason::Voicemail, "failed"),
    ] {
        let mut session = call(Timestamp::UNIX_EPOCH);
        let change = SessionChange::Ended { reason, source: EventSource::System, at: Timestamp::UNIX_EPOCH };
        session.apply(&change).unwrap();
        assert_eq!(kinds(&Event::of_session(&session, &change)), [("call.failed", status), ("call.status", status)]);
    }
}

#[test]
fn the_same_happening_has_the_same_id_and_another_has_another() {
    let at = Timestamp::UNIX_EPOCH;
    let session = call(at);
    let ringing = |name: &str| {
        Event::of_session(&session, &SessionChange::Connecting { call: CarrierCallId::new(name), at })[0].id
    };
    assert_eq!(ringing("CA1"), ringing("CA1"));
    assert_ne!(ringing("CA1"), ringing("CA2"), "a further attempt is another call");
    assert_ne!(Event::of_creation(&session)[0].id, Event::of_creation(&session)[1].id);
}

#[test]
fn a_transcript_is_complete_where_there_is_one() {
    let session = call(Timestamp::UNIX_EPOCH);
    let entry = JournalEntry {
        session: session.id,
        epoch: Epoch::FIRST,
        seq: 3,
        at: Timestamp::UNIX_EPOCH,
        offset: CallTime::ZERO,
        fact: Fact::Ended { reason: EndReason::Completed },
    };
    let kinds = |has_words| -> Vec<_> {
        let events = Event::of_fact::<Infallible>(session.tenant, &entry, || Ok(has_words)).unwrap();
        events.iter().map(|event| event.kind).collect()
    };
    assert_eq!(kinds(false), [EventType::StreamEnded]);
    assert_eq!(kinds(true), [EventType::StreamEnded, EventType::TranscriptionCompleted]);
}

#[test]
fn an_event_reads_back_and_holds_no_number() {
    let session = call(Timestamp::UNIX_EPOCH);
    for event in Event::of_creation(&session) {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        assert!(!text.contains("0701234567") && !text.contains("701234567"), "{text}");
        let payload = event.payload();
        assert_eq!(payload["type"], event.kind.as_str());
        assert_eq!(payload["data"]["session"], session.id.to_string());
        assert_eq!(payload["data"]["person"].as_str().unwrap().len(), 32);
    }
}
