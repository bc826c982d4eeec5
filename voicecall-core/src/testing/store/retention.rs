//! Rules of forgetting.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::fixture::{Shop, after, answered, assert_kind, connected, connecting, ended, new_session};
use super::provider_log::exchange;
use super::sessions::response;
use crate::error::ErrorKind;
use crate::id::{Epoch, QuestionId, TenantId, VerificationId};
use crate::journal::Fact;
use crate::store::{
    Anonymised, Attachment, CallResponse, CustomerVerification, EndReason, Erased, NewSession, RetentionJob,
    RetentionRun, SessionChange, SessionFile, Store, SubjectFile, VerificationStatus,
};

/// A shop whose session is over and has left something everywhere.
async fn held(store: Arc<dyn Store>, reason: EndReason) -> Shop {
    let shop = Shop::open(store).await;
    let attempt = shop.planned_attempt().await;
    shop.store.begin_sending(shop.tenant, attempt.id, Epoch::FIRST).await.unwrap();
    shop.change(&connecting()).await.unwrap();
    shop.change(&connected()).await.unwrap();
    let facts = [
        Fact::Disclosed { text: "Jag är en AI.".to_owned() },
        Fact::Consent { given: true },
        answered(QuestionId::new(), "Jag heter Kanarie"),
    ];
    let entries: Vec<_> = (1..).zip(facts).map(|(seq, fact)| shop.entry(seq, fact)).collect();
    shop.append(&entries).await.unwrap();
    shop.store.log_provider(shop.tenant, &exchange(shop.session, 1)).await.unwrap();
    let what = Attachment {
        recording_url: Some("recording".to_owned()),
        transcript: Some("caller: Jag heter Kanarie".to_owned()),
        analysis: Some(json!({ "summary": "Kanarie är nöjd." })),
        ..Attachment::default()
    };
    shop.change(&SessionChange::Attach { what, at: after(60) }).await.unwrap();
    shop.change(&ended(reason)).await.unwrap();
    shop
}

pub(super) async fn archived_events_are_still_read(store: Arc<dyn Store>) {
    let (over, open) = (held(Arc::clone(&store), EndReason::Completed).await, Shop::open(Arc::clone(&store)).await);
    let before = over.snapshot().await;
    let old = before.events.iter().filter(|event| event.timestamp < after(65)).count() as u64;

    assert_eq!(store.archive_events(after(65), 1).await.unwrap(), 1, "no more at a time than is asked for");
    assert_eq!(over.snapshot().await, before);
    assert_eq!(store.archive_events(after(65), 100).await.unwrap(), old - 1, "of the session that is over");
    assert_eq!(store.archive_events(after(65), 100).await.unwrap(), 0);

    assert_eq!(over.snapshot().await, before);
    assert_eq!(open.events().await.len(), 1);
    assert_eq!(store.archive_events(Timestamp::MAX, 100).await.unwrap(), before.events.len() as u64 - old);
    assert_eq!(over.snapshot().await, before);
}

pub(super) async fn old_exchanges_are_deleted(store: Arc<dyn Store>) {
    let shop = held(store, EndReason::Completed).await;
    let newer = exchange(shop.session, 50);
    for log in [&exchange(shop.session, 2), &newer] {
        shop.store.log_provider(shop.tenant, log).await.unwrap();
    }

    for purged in [1, 1, 0] {
        assert_eq!(shop.store.purge_provider_logs(newer.timestamp, 1).await.unwrap(), purged);
    }

    assert_eq!(shop.store.provider_logs(shop.tenant, shop.session).await.unwrap(), [newer]);
}

pub(super) async fn old_failed_sessions_are_found_and_deleted_whole(store: Arc<dyn Store>) {
    let failed = held(Arc::clone(&store), EndReason::CustomerHangup).await;
    let completed = held(Arc::clone(&store), EndReason::Completed).await;
    let verification = failed.read().await.verification;

    let open = Shop::open(Arc::clone(&store)).await;
    assert_eq!(store.old_failed_sessions(after(65), 10).await.unwrap(), [], "not older than this");
    assert_eq!(store.old_failed_sessions(after(66), 10).await.unwrap(), [failed.read().await]);
    assert_eq!(store.old_failed_sessions(after(66), 0).await.unwrap(), []);
    assert_kind(store.delete_session(open.tenant, open.session).await, ErrorKind::Conflict);

    store.delete_session(failed.tenant, failed.session).await.unwrap();

    assert_eq!(store.old_failed_sessions(after(66), 10).await.unwrap(), []);
    assert_kind(store.delete_session(failed.tenant, failed.session).await, ErrorKind::NotFound);
    assert!(store.session(open.tenant, open.session).await.is_ok());
    assert_kind(store.session(failed.tenant, failed.session).await, ErrorKind::NotFound);
    assert_eq!(store.session_of_verification(failed.tenant, verification).await.unwrap(), None);
    assert_kind(store.attempts(failed.tenant, failed.session).await, ErrorKind::NotFound);
    assert!(store.session(completed.tenant, completed.session).await.is_ok());
}

pub(super) async fn old_recordings_are_found_until_they_are_forgotten(store: Arc<dyn Store>) {
    let shop = held(store, EndReason::Completed).await;
    let store = &shop.store;
    assert_eq!(store.old_recordings(after(65), 10).await.unwrap(), []);
    assert_eq!(store.old_recordings(after(66), 10).await.unwrap(), [shop.read().await]);
    assert_kind(store.forget_recording(TenantId::new(), shop.session, after(99)).await, ErrorKind::NotFound);

    store.forget_recording(shop.tenant, shop.session, after(99)).await.unwrap();

    assert_eq!(store.old_recordings(after(66), 10).await.unwrap(), []);
    assert_eq!(shop.read().await.recording_url, None);
}

pub(super) async fn anonymising_leaves_proof_and_no_words(store: Arc<dyn Store>) {
    let shop = held(Arc::clone(&store), EndReason::Completed).await;
    let open = Shop::open(Arc::clone(&store)).await;
    assert_eq!(store.old_transcripts(after(66), 10).await.unwrap(), [shop.read().await]);
    let answers: Vec<_> = shop
        .responses()
        .await
        .into_iter()
        .map(|answer| CallResponse { text: "Jag heter [namn]".to_owned(), ..answer })
        .collect();
    let texts = Anonymised {
        transcript: Some("caller: Jag heter [namn]".to_owned()),
        analysis: Some(json!({ "summary": "[namn] är nöjd." })),
        responses: answers.clone(),
        at: after(99),
    };
    assert_kind(
        store
            .anonymise_session(open.tenant, open.session, &Anonymised { responses: Vec::new(), ..texts.clone() })
            .await,
        ErrorKind::Conflict,
    );
    let foreign = Anonymised { responses: vec![response(&open, QuestionId::new(), 0.0)], ..texts.clone() };
    assert_kind(store.anonymise_session(shop.tenant, shop.session, &foreign).await, ErrorKind::Invalid);
    assert_kind(store.anonymise_session(TenantId::new(), shop.session, &texts).await, ErrorKind::NotFound);

    store.anonymise_session(shop.tenant, shop.session, &texts).await.unwrap();

    let left = shop.snapshot().await;
    assert!(!format!("{left:?}").contains("Kanarie"));
    assert_eq!((left.responses, left.session.anonymised_at), (answers, Some(after(99))));
    let facts: Vec<_> = left.journal.into_iter().map(|entry| entry.fact).collect();
    assert_eq!(facts, [Fact::Disclosed { text: "Jag är en AI.".to_owned() }, Fact::Consent { given: true }]);
    assert_eq!(store.old_transcripts(after(66), 10).await.unwrap(), []);
}

pub(super) async fn one_customer_is_found_and_erased_everywhere(store: Arc<dyn Store>) {
    let shop = held(Arc::clone(&store), EndReason::Completed).await;
    let (tenant, phone) = (shop.tenant, shop.read().await.phone);
    let verification = CustomerVerification {
        id: VerificationId::new(),
        tenant,
        purchased_at: after(0),
        amount_micros: 1,
        phone: phone.clone(),
        status: VerificationStatus::Verified,
    };
    store.put_verification(&verification).await.unwrap();
    store.archive_events(after(20), 100).await.unwrap();
    let other = store.create_session(&new_session(tenant)).await.unwrap();
    // The same number is another customer's at another shop.
    let elsewhere =
        store.create_session(&NewSession { phone: phone.clone(), ..new_session(TenantId::new()) }).await.unwrap();
    let file = {
        let all = shop.snapshot().await;
        SessionFile {
            session: all.session,
            events: all.events,
            responses: all.responses,
            journal: all.journal,
            attempts: all.attempts,
            provider_logs: all.provider_logs,
        }
    };
    let found = SubjectFile { verifications: vec![verification.clone()], sessions: vec![file] };
    assert_eq!(store.subject(tenant, phone.lookup).await.unwrap(), found);

    let erased = store.erase_subject(tenant, phone.lookup).await.unwrap();

    assert_eq!(erased, Erased { sessions: vec![shop.session], verifications: 1 });
    assert_eq!(store.subject(tenant, phone.lookup).await.unwrap(), SubjectFile::default());
    assert_kind(store.session(tenant, shop.session).await, ErrorKind::NotFound);
    assert_kind(store.verification(tenant, verification.id).await, ErrorKind::NotFound);
    assert!(store.session(tenant, other.id).await.is_ok());
    assert!(store.session(elsewhere.tenant, elsewhere.id).await.is_ok());
    assert_eq!(store.erase_subject(tenant, phone.lookup).await.unwrap(), Erased::default());
}

pub(super) async fn runs_of_jobs_are_kept_newest_first(store: Arc<dyn Store>) {
    let run = |at, error: Option<&str>| RetentionRun {
        job: RetentionJob::DeleteRecordings,
        at: after(at),
        before: after(0),
        affected: at,
        error: error.map(str::to_owned),
    };
    for (at, error) in [(1, None), (2, Some("the disk failed")), (3, None)] {
        store.log_retention(&run(at, error)).await.unwrap();
    }
    assert_eq!(store.retention_runs(2).await.unwrap(), [run(3, None), run(2, Some("the disk failed"))]);
}
