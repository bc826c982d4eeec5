//! Rules of calls and what is kept of them.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use voicecall_core::journal::Fact;
use voicecall_core::store::{
    EndReason, EventKind, EventSource, NewSession, PageRequest, SessionChange, SessionFilter, SessionStatus,
};
use voicecall_core::{ErrorKind, TenantId};

use super::WholeStore;
use super::fixture::{Shop, after, answered, assert_kind, ended, heard, new_session, phone, response, verification};
use crate::store::{
    Anonymised, CallAttachment, CallRecord, CallResponse, CustomerVerification, QuestionId, SurveyCall, SurveyFile,
};

/// A shop whose call is over and has left something everywhere.
async fn over(store: Arc<dyn WholeStore>) -> Shop {
    let shop = Shop::on_the_line(store).await;
    let facts = [
        Fact::Disclosed { text: "Jag är en AI.".to_owned() },
        Fact::Consent { given: true },
        heard("Jag heter Kanarie"),
        answered(QuestionId::new(), "Jag heter Kanarie").into(),
    ];
    let entries: Vec<_> = (1..).zip(facts).map(|(seq, fact)| shop.entry(seq, fact)).collect();
    shop.append(&entries).await.unwrap();
    let what =
        CallAttachment { analysis: Some(json!({ "summary": "Kanarie är nöjd." })), ..CallAttachment::default() };
    shop.store.attach_to_call(shop.tenant, shop.session, &what, after(60)).await.unwrap();
    shop.change(&ended(EndReason::Completed)).await.unwrap();
    shop
}

pub(super) async fn a_call_is_read_with_its_verification(store: Arc<dyn WholeStore>) {
    let verification = verification(TenantId::new());
    let tenant = verification.tenant;
    let reference = Some(verification.id.to_string());
    let new = NewSession { reference, ..NewSession::outbound(tenant, verification.phone, after(0)) };
    let session = store.create_session(&new).await.unwrap();
    let call = store.call(tenant, session.id).await.unwrap();
    assert_eq!(call, SurveyCall::new(session.clone(), CallRecord::default(), &[]));
    assert_eq!((call.verification(), call.updated_at()), (Some(verification.id), session.updated_at));
    let all = store.calls(tenant, &SessionFilter::default(), PageRequest::default()).await.unwrap();
    assert_eq!((all.items, all.total), (vec![call], 1));
}

pub(super) async fn a_call_of_twenty_minutes_is_reported_as_long_as_a_survey_is(store: Arc<dyn WholeStore>) {
    let shop = Shop::on_the_line(store).await;
    let (reason, source) = (EndReason::Completed, EventSource::System);
    let end = SessionChange::Ended { reason, source, at: after(5) + SignedDuration::from_mins(20) };
    shop.change(&end).await.unwrap();
    let call = shop.read().await;
    assert_eq!((call.session.duration_seconds(), call.duration_seconds()), (Some(1200), Some(120)));
}

pub(super) async fn what_is_attached_stays(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let what = CallAttachment {
        ai_session: Some("sess_1".to_owned()),
        transcript: Some("Hej! — Hej, åäö.".to_owned()),
        analysis: Some(json!({ "summary": "Nöjd.", "sentiment": 0.5 })),
    };
    for (what, at) in [(what, after(2)), (CallAttachment::default(), after(3))] {
        shop.store.attach_to_call(shop.tenant, shop.session, &what, at).await.unwrap();
    }
    let call = shop.read().await;
    assert_eq!(call.record.ai_session.as_deref(), Some("sess_1"));
    assert_eq!(call.transcript.as_deref(), Some("Hej! — Hej, åäö."));
    assert_eq!(call.record.analysis, Some(json!({ "summary": "Nöjd.", "sentiment": 0.5 })));
    assert_eq!((call.updated_at(), shop.events().await.len()), (after(3), 1));
}

pub(super) async fn an_end_and_its_answers_are_stored_together(store: Arc<dyn WholeStore>) {
    let shop = Shop::on_the_line(store).await;
    let (store, before) = (&shop.store, shop.snapshot().await);
    let answers = [response(&shop, QuestionId::new(), 0.5), response(&shop, QuestionId::new(), -1.0)];
    let complete = async |change: SessionChange, answers: &[CallResponse]| {
        store.complete_call(shop.tenant, shop.session, &change, answers).await
    };
    let elsewhere = Shop { store: Arc::clone(store), tenant: shop.tenant, session: voicecall_core::SessionId::new() };
    let strange = [response(&elsewhere, QuestionId::new(), 0.0)];
    assert_kind(complete(ended(EndReason::Completed), &strange).await, ErrorKind::Invalid);
    assert_kind(complete(SessionChange::Connected { at: after(6) }, &answers).await, ErrorKind::Invalid);
    assert_eq!(shop.snapshot().await, before);

    let done = complete(ended(EndReason::Completed), &answers).await.unwrap();
    assert_eq!(done.status, SessionStatus::Completed);
    assert_eq!(shop.read().await.session, done);
    assert_eq!(shop.responses().await, answers);
    assert_eq!(shop.events().await.last().unwrap().kind, EventKind::Completed);
    let late = [response(&shop, QuestionId::new(), 1.0)];
    assert_kind(complete(ended(EndReason::Completed), &late).await, ErrorKind::Conflict);
    assert_eq!(shop.responses().await, answers, "refused whole");
}

pub(super) async fn what_is_to_be_analysed_is_found_until_it_is(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(Arc::clone(&store)).await;
    let silent = Shop::open(Arc::clone(&store)).await;
    let find = async |since| store.unanalysed_calls(after(since), 10).await.unwrap();
    shop.append(&[shop.entry(1, heard("Bra"))]).await.unwrap();
    assert_eq!(find(0).await, [], "it is not over");
    assert_eq!(shop.read().await.transcript, None, "more may be said");
    for shop in [&shop, &silent] {
        shop.change(&ended(EndReason::CallFailed)).await.unwrap();
    }
    assert_eq!(shop.read().await.transcript.as_deref(), Some("caller: Bra"));
    assert_eq!(find(66).await, [], "it ended before");
    assert_eq!(find(65).await, [shop.read().await], "the one in which something was said");
    assert_eq!(store.unanalysed_calls(after(65), 0).await.unwrap(), []);

    let analysed = CallAttachment { analysis: Some(json!({})), ..CallAttachment::default() };
    store.attach_to_call(shop.tenant, shop.session, &analysed, after(70)).await.unwrap();
    assert_eq!(find(65).await, []);

    let told = CallAttachment { transcript: Some("caller: Bra".to_owned()), ..CallAttachment::default() };
    store.attach_to_call(silent.tenant, silent.session, &told, after(70)).await.unwrap();
    assert_eq!(find(65).await, [silent.read().await], "told from outside");
    let texts = Anonymised { transcript: told.transcript, analysis: None, responses: vec![], at: after(99) };
    store.anonymise_call(silent.tenant, silent.session, &texts).await.unwrap();
    assert_eq!(find(65).await, [], "what is anonymised is left alone");
}

pub(super) async fn anonymising_leaves_proof_and_no_words(store: Arc<dyn WholeStore>) {
    let (shop, open) = (over(Arc::clone(&store)).await, Shop::open(Arc::clone(&store)).await);
    assert!(shop.read().await.transcript.unwrap().contains("Kanarie"));
    assert_eq!(store.old_transcripts(after(65), 10).await.unwrap(), [], "not older than this");
    assert_eq!(store.old_transcripts(after(66), 10).await.unwrap(), [shop.read().await]);
    let answers: Vec<_> = shop.responses().await;
    let answers: Vec<_> =
        answers.into_iter().map(|answer| CallResponse { text: "Jag heter [namn]".to_owned(), ..answer }).collect();
    let texts = Anonymised {
        transcript: Some("caller: Jag heter [namn]".to_owned()),
        analysis: Some(json!({ "summary": "[namn] är nöjd." })),
        responses: answers.clone(),
        at: after(99),
    };
    let nothing = Anonymised { responses: Vec::new(), ..texts.clone() };
    assert_kind(store.anonymise_call(open.tenant, open.session, &nothing).await, ErrorKind::Conflict);
    let foreign = Anonymised { responses: vec![response(&open, QuestionId::new(), 0.0)], ..texts.clone() };
    assert_kind(store.anonymise_call(shop.tenant, shop.session, &foreign).await, ErrorKind::Invalid);
    assert_kind(store.anonymise_call(TenantId::new(), shop.session, &texts).await, ErrorKind::NotFound);

    store.anonymise_call(shop.tenant, shop.session, &texts).await.unwrap();

    let left = shop.snapshot().await;
    assert!(!format!("{left:?}").contains("Kanarie"));
    assert_eq!(left.call.transcript, texts.transcript);
    assert_eq!((left.call.record.responses, left.call.record.anonymised_at), (answers, Some(after(99))));
    let facts: Vec<_> = left.journal.into_iter().map(|entry| entry.fact).collect();
    assert_eq!(facts, [Fact::Disclosed { text: "Jag är en AI.".to_owned() }, Fact::Consent { given: true }]);
    assert_eq!(store.old_transcripts(after(66), 10).await.unwrap(), []);
}

pub(super) async fn a_deleted_session_takes_its_answers_along(store: Arc<dyn WholeStore>) {
    let shop = over(Arc::clone(&store)).await;
    let made = crate::store::SelectionLog { session: Some(shop.session), ..super::questions::decision(shop.tenant, 1) };
    store.log_selection(&made).await.unwrap();
    store.delete_session(shop.tenant, shop.session).await.unwrap();
    assert_kind(store.call(shop.tenant, shop.session).await, ErrorKind::NotFound);
    // The decision holds nothing personal and outlives the session.
    let left = crate::store::SelectionLog { session: None, ..made };
    assert_eq!(store.selection_logs(shop.tenant, 10).await.unwrap(), [left]);
}

pub(super) async fn one_customer_is_found_and_erased_everywhere(store: Arc<dyn WholeStore>) {
    let shop = over(Arc::clone(&store)).await;
    let (tenant, session) = (shop.tenant, shop.read().await.session);
    let (phone_number, person) = (session.remote.unwrap(), session.person.unwrap());
    let own = CustomerVerification { phone: phone_number.clone(), ..verification(tenant) };
    let others = CustomerVerification { phone: phone(tenant), ..verification(tenant) };
    // The same number is another customer's at another shop.
    let elsewhere = CustomerVerification { phone: phone_number, ..verification(TenantId::new()) };
    for verification in [&own, &others, &elsewhere] {
        store.put_verification(verification).await.unwrap();
    }
    let other = store.create_session(&new_session(tenant)).await.unwrap();

    let file = store.export_person(tenant, person).await.unwrap();
    let kept = SurveyFile::read(&file).unwrap();
    assert_eq!(kept.verifications, std::slice::from_ref(&own));
    assert_eq!(kept.calls, [(shop.session, shop.read().await.record)].into());

    let erased = store.erase_person(tenant, person).await.unwrap();

    assert_eq!((erased.sessions, erased.extensions), (vec![shop.session], [(SurveyFile::NAME, 1)].into()));
    let nothing = store.export_person(tenant, person).await.unwrap();
    assert!(SurveyFile::read(&nothing).unwrap().is_empty() && nothing.sessions.is_empty());
    assert_kind(store.verification(tenant, own.id).await, ErrorKind::NotFound);
    assert!(store.call(tenant, other.id).await.is_ok());
    assert!(store.verification(tenant, others.id).await.is_ok());
    assert!(store.verification(elsewhere.tenant, elsewhere.id).await.is_ok());
}
