//! The tables themselves refuse what the records' checks should have caught.

#![cfg(feature = "survey")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use rusqlite::Connection;
use support::{Folder, entry, incoming, session_in, thread};
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{
    Channel, DialAttempt, DialStore, JournalStore, MessageStore, PersonStore, ProviderLog, ProviderOperation,
    SessionStore,
};
use voicecall_core::{CallTime, LookupHash, RecordId, Vault};
use voicecall_store_sqlite::{SqliteOptions, SqliteSurvey};
use voicecall_survey::store::{QuestionConfiguration, QuestionId, QuestionStore, SelectionLog, SurveyFact};

#[tokio::test]
async fn values_out_of_range_do_not_enter_a_table() {
    let folder = Folder::new();
    let file = folder.file();
    fill(&file).await;
    let db = Connection::open(&file).unwrap();
    db.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for change in [
        "sessions SET ended_at = started_at",
        "sessions SET cost_micros = -1",
        "sessions SET metadata = 'no json'",
        "sessions SET remote = NULL",
        "sessions SET reference = ''",
        "sessions SET started_at = '2026-11-20T12:00:00Z'",
        "session_events SET data = 'no json'",
        "session_events SET session_id = 'nowhere'",
        "survey_calls SET questions_asked = '{}'",
        "survey_responses SET response_duration = 60.5",
        "survey_responses SET confidence_score = 1.01",
        "survey_responses SET sentiment_score = -1.01",
        "survey_responses SET responded_at = '2000-01-01T00:00:00.000000000Z'",
        "question_configurations SET question_text = 'Kort'",
        "question_configurations SET frequency = 0",
        "question_configurations SET frequency = 101",
        "question_configurations SET priority = 'urgent'",
        "question_configurations SET department_tags = '[]'",
        "question_configurations SET max_response_time = 9.5",
        "question_configurations SET active_from = '2030-01-01T00:00:00.000000000Z',
                                     active_until = '2029-01-01T00:00:00.000000000Z'",
        "survey_selections SET customer_count = 0",
        "survey_selections SET time_budget_seconds = 59",
        "survey_selections SET time_budget_seconds = 121",
        "survey_selections SET estimated_duration = 90.5",
        "provider_logs SET latency_ms = -1",
        "provider_logs SET success = 0",
        "provider_logs SET success = 0, error_message = ''",
        "attempts SET state = 'accepted'",
        "attempts SET state = 'sending'",
        "do_not_call SET person = x'01'",
        "do_not_call SET since = 'no instant'",
        "conversations SET last_message = -1",
        "conversations SET memory = 'no json'",
        "participants SET person = x'01'",
        "participants SET conversation_id = 'nowhere'",
        "participant_channels SET channel = ''",
        "participant_channels SET person = x'00112233445566778899aabbccddeeff'",
        "messages SET number = 0",
        "messages SET media = '{}'",
        "messages SET session_id = 'nowhere'",
        "messages SET due_at = 'no instant'",
        "opt_outs SET person = x'01'",
        "opt_outs SET since = 'no instant'",
        "facts SET seq = 0",
        "facts SET fact = 'no json'",
    ] {
        let error = db.execute(&format!("UPDATE {change}"), []).expect_err(change);
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation), "{change}");
    }
}

/// One row in each table.
async fn fill(file: &std::path::Path) {
    let store = SqliteOptions::new().extension(SqliteSurvey).open(file).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    let now = jiff::Timestamp::now();
    let answered = SurveyFact::Answered {
        question: QuestionId::new(),
        question_text: "Hur var besöket?".to_owned(),
        text: "Bra".to_owned(),
        spoken: std::time::Duration::from_secs(1),
        confidence: None,
        asked_at: CallTime::ZERO,
        responded_at: CallTime::ZERO,
    };
    store.append(tenant, &[JournalEntry { fact: answered.into(), ..entry(session, 1, "") }]).await.unwrap();
    store.put_question(&QuestionConfiguration::new(tenant, "Hur var besöket?", now)).await.unwrap();
    let decision = SelectionLog {
        id: RecordId::new(),
        tenant,
        session: None,
        customer_count: 1,
        selected: Vec::new(),
        algorithm: "in-order 1".to_owned(),
        criteria: serde_json::json!({}),
        time_budget: std::time::Duration::from_secs(90),
        estimated_duration: std::time::Duration::ZERO,
        created_at: now,
    };
    store.log_selection(&decision).await.unwrap();
    store.plan_attempt(&DialAttempt::planned(tenant, session, "carrier", now)).await.unwrap();
    let exchange = ProviderLog {
        id: RecordId::new(),
        session,
        provider: "carrier".to_owned(),
        provider_call: None,
        operation: ProviderOperation::Initiate,
        request: serde_json::json!({}),
        response: serde_json::json!({}),
        status_code: None,
        latency: std::time::Duration::ZERO,
        success: true,
        error_message: None,
        quality_metrics: None,
        timestamp: now,
    };
    store.log_provider(tenant, &exchange).await.unwrap();
    // Somebody else: the session is to be open.
    let somebody = LookupHash::from_bytes([1; 16]).into();
    store.forbid_calls(tenant, somebody, now).await.unwrap();
    store.forbid_messages(tenant, somebody, &Channel::Sms, now).await.unwrap();
    let of = thread(&Vault::generate().unwrap(), tenant, &"+46701740605".parse().unwrap());
    store.accept_message(&of, &incoming("SM1", "hej")).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_word_of_another_version_is_told_with_its_column() {
    let folder = Folder::new();
    let file = folder.file();
    let store = voicecall_store_sqlite::SqliteStore::open(&file).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    Connection::open(&file).unwrap().execute("UPDATE sessions SET status = 'levitating'", []).unwrap();
    let error = store.session(tenant, session).await.unwrap_err().to_string();
    assert!(error.contains("status") && error.contains("levitating"), "{error}");
}
