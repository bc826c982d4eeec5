//! The tables themselves refuse what the records' checks should have caught.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use rusqlite::Connection;
use support::{Folder, entry, session_in};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{
    DialAttempt, DialStore, JournalStore, ProviderLog, ProviderLogStore, ProviderOperation, QuestionConfiguration,
    QuestionStore, SelectionLog,
};
use voicecall_core::{CallTime, QuestionId, RecordId};
use voicecall_store_sqlite::SqliteStore;

#[tokio::test]
async fn values_out_of_range_do_not_enter_a_table() {
    let folder = Folder::new();
    let file = folder.file();
    fill(&file).await;
    let db = Connection::open(&file).unwrap();
    db.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for change in [
        "call_sessions SET status = 'ringing'",
        "call_sessions SET status = 'completed'",
        "call_sessions SET duration_seconds = 121",
        "call_sessions SET duration_seconds = -1",
        "call_sessions SET cost_estimate = -1",
        "call_sessions SET questions_asked = '{}'",
        "call_sessions SET started_at = '2026-11-20T12:00:00Z'",
        "call_events SET event_type = 'rang'",
        "call_events SET source = 'nobody'",
        "call_events SET event_data = 'no json'",
        "call_events SET call_session_id = 'nowhere'",
        "call_responses SET response_duration = 60.5",
        "call_responses SET confidence_score = 1.01",
        "call_responses SET sentiment_score = -1.01",
        "call_responses SET responded_at = '2000-01-01T00:00:00.000000000Z'",
        "question_configurations SET question_text = 'Kort'",
        "question_configurations SET frequency = 0",
        "question_configurations SET frequency = 101",
        "question_configurations SET priority = 'urgent'",
        "question_configurations SET department_tags = '[]'",
        "question_configurations SET max_response_time = 9.5",
        "question_configurations SET active_from = '2030-01-01T00:00:00.000000000Z',
                                     active_until = '2029-01-01T00:00:00.000000000Z'",
        "question_selection_logs SET customer_count = 0",
        "question_selection_logs SET time_budget_seconds = 59",
        "question_selection_logs SET time_budget_seconds = 121",
        "question_selection_logs SET estimated_duration = 90.5",
        "telephony_provider_logs SET operation = 'sing'",
        "telephony_provider_logs SET latency_ms = -1",
        "telephony_provider_logs SET success = 0",
        "telephony_provider_logs SET success = 0, error_message = ''",
        "dial_attempts SET state = 'accepted'",
        "dial_attempts SET state = 'sending'",
        "journal SET seq = 0",
        "journal SET fact = 'no json'",
    ] {
        let error = db.execute(&format!("UPDATE {change}"), []).expect_err(change);
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation), "{change}");
    }
}

/// One row in each table.
async fn fill(file: &std::path::Path) {
    let store = SqliteStore::open(file).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    let now = jiff::Timestamp::now();
    let answered = Fact::Answered {
        question: QuestionId::new(),
        question_text: "Hur var besöket?".to_owned(),
        text: "Bra".to_owned(),
        spoken: std::time::Duration::from_secs(1),
        confidence: None,
        asked_at: CallTime::ZERO,
        responded_at: CallTime::ZERO,
    };
    store.append(tenant, &[JournalEntry { fact: answered, ..entry(session, 1, "") }]).await.unwrap();
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
    store.close().await;
}
