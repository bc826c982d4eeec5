//! A database that a program of version 4 of the tables left, opened by this one: `scripts/make-old-database` made it, with
//! that program's own code. Every row it had is read by the types of today.

#![cfg(feature = "survey")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, OpenFlags};
use support::Folder;
use voicecall_core::journal::Fact;
use voicecall_core::store::{
    AttemptState, Channel, Claim, DialStore, Direction, EndReason, EventSource, JournalStore, MaintenanceStore,
    NewSession, PageRequest, PersonStore, QueueStore, Session, SessionFilter, SessionStatus, SessionStore, check_keys,
    rekey,
};
use voicecall_core::{Address, TenantId, Vault};
use voicecall_store_sqlite::{SqliteOptions, SqliteStore, SqliteSurvey};
use voicecall_survey::store::{
    CallStore, CustomerVerification, DirectoryStore, QuestionStore, SealedSurvey, SurveyFact, SurveyFile,
    SurveyMaintenanceStore, VerificationStatus,
};

const SHOP: &str = "0192f0c0-0000-7000-8000-000000000001";
const OTHER: &str = "0192f0c0-0000-7000-8000-000000000002";
/// As `Vault::new` took it then: one key for everything.
fn old_vault() -> Vault {
    let key = STANDARD.encode([7; 32]).into();
    Vault::new(std::slice::from_ref(&key), &key).unwrap()
}

const ALL: PageRequest = PageRequest { page: 1, per_page: 100 };

/// A copy of the fixture: as it was, and opened.
struct Old {
    before: Connection,
    store: SqliteStore,
    vault: Vault,
    _folder: Folder,
}

impl Old {
    async fn open() -> Self {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/version-4.sqlite");
        let before = Connection::open_with_flags(fixture, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let version: u32 = before.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 4);
        let integrity: String = before.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok");
        let folder = Folder::new();
        let file = folder.file();
        std::fs::copy(fixture, &file).unwrap();
        let store = SqliteOptions::new().extension(SqliteSurvey).open(&file).await.unwrap();
        let vault = old_vault();
        Self { before, store, vault, _folder: folder }
    }

    /// The rows of a query on the old tables, each as one text.
    fn before(&self, query: &str) -> Vec<String> {
        let mut query = self.before.prepare(query).unwrap();
        let rows = query.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        rows.map(|row| row.unwrap().unwrap_or_default()).collect()
    }

    fn count(&self, query: &str) -> u64 {
        self.before(&format!("SELECT count(*) || '' FROM {query}"))[0].parse().unwrap()
    }
}

async fn sessions(store: &SqliteStore) -> Vec<Session> {
    store.sessions(shop(), &SessionFilter::default(), ALL).await.unwrap().items
}

fn shop() -> TenantId {
    SHOP.parse().unwrap()
}

/// What a version 4 called a reason.
fn of_old(reason: EndReason) -> String {
    if reason == EndReason::RemoteHangup { "customer_hangup".to_owned() } else { reason.to_string() }
}

#[tokio::test]
async fn every_session_is_what_it_was() {
    let old = Old::open().await;
    let sessions = sessions(&old.store).await;
    assert_eq!(sessions.len() as u64, old.count("call_sessions"));
    let read = |session: &Session| {
        [
            session.id.to_string(),
            session.reference.clone().unwrap(),
            session.priority.to_string(),
            session.status.to_string(),
            session.end_reason.map(of_old).unwrap_or_default(),
            session.carrier_call.as_ref().map(|call| call.as_str().to_owned()).unwrap_or_default(),
            session.cost_micros.map(|cost| cost.to_string()).unwrap_or_default(),
            session.recording_url.clone().unwrap_or_default(),
            session.due_at.map(|at| at.as_second().to_string()).unwrap_or_default(),
            session.connected_at.map(|at| at.as_second().to_string()).unwrap_or_default(),
            session.ended_at.map(|at| at.as_second().to_string()).unwrap_or_default(),
            session.leased_until.map(|at| at.as_second().to_string()).unwrap_or_default(),
            session.started_at.as_second().to_string(),
        ]
        .join("|")
    };
    let seconds = |column: &str| format!("coalesce(strftime('%s', {column}), '')");
    let columns: Vec<String> = ["id", "verification_id", "priority", "status"]
        .into_iter()
        .chain(["end_reason", "telephony_call_id", "cost_estimate", "recording_url"])
        .map(|column| format!("coalesce({column}, '')"))
        .chain(["due_at", "connected_at", "ended_at", "held_until", "started_at"].map(seconds))
        .collect();
    let before = old.before(&format!("SELECT {} FROM call_sessions", columns.join(" || '|' || ")));
    assert_eq!(sessions.iter().map(read).collect::<BTreeSet<_>>(), before.into_iter().collect());

    for session in &sessions {
        assert_eq!((&session.channel, session.direction), (&Channel::Voice, Direction::Outbound));
        let number = session.open_remote(&old.vault).unwrap().unwrap();
        assert!(matches!(number, Address::Phone(_)) && number.canonical().starts_with("+4670"));
        assert_eq!(session.person, Some(old.vault.lookup(shop(), &number).into()));
        assert_eq!(&old.store.session(shop(), session.id).await.unwrap(), session);
        let reference = session.reference.as_deref().unwrap();
        assert_eq!(old.store.session_by_reference(shop(), reference).await.unwrap().as_ref(), Some(session));
    }
    let reasons: BTreeSet<_> = sessions.iter().filter_map(|session| session.end_reason).map(of_old).collect();
    assert_eq!(reasons.len(), 13, "every reason of version 4: {reasons:?}");
    for status in SessionStatus::ALL {
        assert!(sessions.iter().any(|session| session.status == *status), "{status}");
    }
    assert_eq!(old.store.count_waiting().await.unwrap(), 2);
    assert_eq!(old.store.open_sessions().await.unwrap().len(), 4);
}

#[tokio::test]
async fn everything_of_a_session_is_what_it_was() {
    let old = Old::open().await;
    let (mut facts, mut states, mut sources) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for session in sessions(&old.store).await {
        let of_it = |table: &str| old.count(&format!("{table} WHERE call_session_id = '{}'", session.id));
        let events = old.store.events(shop(), session.id, ALL).await.unwrap();
        assert_eq!(events.total, of_it("all_call_events"));
        sources.extend(events.items.iter().map(|event| event.source.to_string()));
        let journal = old.store.journal(shop(), session.id).await.unwrap();
        assert_eq!(journal.len() as u64, of_it("journal"));
        for entry in &journal {
            *facts.entry(name(&entry.fact)).or_insert(0) += 1;
        }
        let attempts = old.store.attempts(shop(), session.id).await.unwrap();
        assert_eq!(attempts.len() as u64, of_it("dial_attempts"));
        states.extend(attempts.iter().map(|attempt| attempt.state.to_string()));
        let logs = old.store.provider_logs(shop(), session.id).await.unwrap();
        assert_eq!(logs.len() as u64, of_it("telephony_provider_logs"));
        let call = old.store.call(shop(), session.id).await.unwrap();
        assert_eq!(call.record.responses.len() as u64, of_it("call_responses"));
    }
    let kinds =
        old.before("SELECT fact ->> '$.fact' || ' ' || count(*) FROM journal GROUP BY fact ->> '$.fact' ORDER BY 1");
    assert_eq!(facts.iter().map(|(name, times)| format!("{name} {times}")).collect::<Vec<_>>(), kinds);
    assert_eq!(kinds.len(), 15, "every fact of version 4: {kinds:?}");
    assert_eq!(states.len(), AttemptState::ALL.len() - 1, "all but the one that lasts no time: {states:?}");
    assert_eq!(sources.len(), EventSource::ALL.len(), "{sources:?}");
}

/// What version 4 called a fact.
fn name(fact: &Fact) -> String {
    match SurveyFact::read(fact).unwrap() {
        Some(SurveyFact::Asked { .. }) => "asked".to_owned(),
        Some(SurveyFact::Answered { .. }) => "answered".to_owned(),
        Some(SurveyFact::Analysed { .. }) => "analysed".to_owned(),
        None => serde_json::to_value(fact).unwrap()["fact"].as_str().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn everything_of_a_survey_is_what_it_was() {
    let old = Old::open().await;
    let (store, other) = (&old.store, OTHER.parse().unwrap());
    for tenant in [shop(), other] {
        let of_it = |table: &str| old.count(&format!("{table} WHERE business_id = '{tenant}'"));
        assert_eq!(store.questions(tenant, false).await.unwrap().len() as u64, of_it("question_configurations"));
        assert_eq!(store.selection_logs(tenant, 100).await.unwrap().len() as u64, of_it("question_selection_logs"));
        assert!(!store.business(tenant).await.unwrap().store_info.name.is_empty());
        let customers =
            old.before(&format!("SELECT customer_count || '' FROM customer_counts WHERE business_id = '{tenant}'"));
        assert_eq!(store.count_customer(tenant).await.unwrap(), customers[0].parse::<u64>().unwrap() + 1);
        let mut statuses = BTreeSet::new();
        let ids = old.before(&format!("SELECT id FROM customer_verifications WHERE business_id = '{tenant}'"));
        for id in ids {
            let verification = store.verification(tenant, id.parse().unwrap()).await.unwrap();
            old.vault.open_address(CustomerVerification::row(tenant, verification.id), &verification.phone).unwrap();
            statuses.insert(verification.status.to_string());
        }
        assert!(statuses.len() >= 2, "{statuses:?}");
    }
    let calls = store.calls(shop(), &SessionFilter::default(), ALL).await.unwrap().items;
    let analysed = calls.iter().filter(|call| call.record.analysis.is_some()).count() as u64;
    assert_eq!(analysed, old.count("call_sessions WHERE analysis IS NOT NULL"));
    let anonymised: Vec<_> = calls.iter().filter(|call| call.record.anonymised_at.is_some()).collect();
    assert_eq!(anonymised.len(), 1);
    assert_eq!(anonymised[0].transcript.as_deref(), Some("caller: [namn]"));
    let chosen = old.before("SELECT call_session_id FROM question_selection_logs WHERE call_session_id IS NOT NULL");
    let chosen = store.selection_of_session(shop(), chosen[0].parse().unwrap()).await.unwrap();
    assert!(!chosen.expect("the demo's decision").selected.is_empty());
    assert!(store.unanalysed_calls(jiff::Timestamp::MIN, 100).await.unwrap().len() > 3);
    assert_eq!(store.retention_runs(10).await.unwrap().len() as u64, old.count("retention_runs"));
    let verified = old.before("SELECT id FROM customer_verifications WHERE status = 'verified' LIMIT 1");
    let verified = store.verification(shop(), verified[0].parse().unwrap()).await.unwrap();
    assert_eq!(verified.status, VerificationStatus::Verified);
}

#[tokio::test]
async fn every_person_is_exported_and_erased() {
    let old = Old::open().await;
    for session in sessions(&old.store).await {
        let person = session.person.unwrap();
        let file = old.store.export_person(shop(), person).await.unwrap();
        assert!(file.sessions.iter().any(|file| file.session == session));
        assert_eq!(file.calls_forbidden_since, None);
        let survey = SurveyFile::read(&file).unwrap();
        assert_eq!(survey.verifications.len(), 1, "the purchase from which the call came");
        let erased = old.store.erase_person(shop(), person).await.unwrap();
        assert!(erased.sessions.contains(&session.id));
    }
    assert!(sessions(&old.store).await.is_empty());
}

#[tokio::test]
async fn it_is_written_like_any_other() {
    let old = Old::open().await;
    let now = jiff::Timestamp::now();
    let waiting = old.store.due_sessions(now, 10, 10).await.unwrap();
    assert_eq!(waiting.len(), 1, "the other one waits for long");
    old.store.claim_session(shop(), waiting[0].id, &Claim::new(now, std::time::Duration::ZERO)).await.unwrap();
    let known = sessions(&old.store).await.remove(0);
    let again = NewSession {
        reference: known.reference.clone(),
        ..NewSession::outbound(shop(), known.remote.clone().unwrap(), now)
    };
    assert_eq!(old.store.create_session(&again).await.unwrap().id, known.id, "what was asked for in version 4");
    let new = NewSession { reference: Some("order-17".to_owned()), ..again };
    assert_eq!(old.store.create_session(&new).await.unwrap().id, new.id);
}

#[tokio::test]
async fn its_numbers_are_sealed_anew_and_people_are_found_as_before() {
    let old = Old::open().await;
    let (was, new) = (STANDARD.encode([7; 32]).into(), Vault::generate_key().unwrap());
    for wrong in [Vault::generate().unwrap(), Vault::new(std::slice::from_ref(&was), &new).unwrap()] {
        assert_eq!(check_keys(&old.store, &wrong).await.unwrap_err().kind(), voicecall_core::ErrorKind::Config);
    }
    let both = Vault::new(&[new.clone(), was.clone()], &was).unwrap();
    let done = rekey(&old.store, &[&SealedSurvey(&old.store)], &both).await.unwrap();
    assert!(done.is_complete(), "{done:?}");
    assert_eq!(done.resealed, old.count("call_sessions") + old.count("customer_verifications"));
    let alone = Vault::new(&[new], &was).unwrap();
    check_keys(&old.store, &alone).await.unwrap();
    for session in sessions(&old.store).await {
        let number = session.open_remote(&alone).unwrap().unwrap();
        assert_eq!(session.person, Some(alone.lookup(shop(), &number).into()));
    }
}
