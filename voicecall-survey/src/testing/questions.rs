//! Rules of questions and decisions.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use voicecall_core::{ErrorKind, RecordId, TenantId};

use super::WholeStore;
use super::fixture::{Shop, after, assert_kind};
use crate::store::{Priority, QuestionConfiguration, QuestionId, SelectionLog};

fn question(tenant: TenantId, seconds: u64) -> QuestionConfiguration {
    QuestionConfiguration {
        frequency: 7,
        priority: Priority::High,
        department_tags: vec!["kassa".to_owned(), "kött & fisk".to_owned()],
        active_from: Some(after(0)),
        active_until: Some(after(100)),
        max_response_time: Duration::from_millis(12_500),
        follow_up_prompts: vec!["Hur menar du?".to_owned()],
        ..QuestionConfiguration::new(tenant, "Hur var besöket?", after(seconds))
    }
}

pub(super) fn decision(tenant: TenantId, count: u64) -> SelectionLog {
    SelectionLog {
        id: RecordId::new(),
        tenant,
        session: None,
        customer_count: count,
        selected: vec![QuestionId::new(), QuestionId::new()],
        algorithm: "by-frequency 1".to_owned(),
        criteria: json!({ "due": 3, "weights": { "high": 3 } }),
        time_budget: Duration::from_secs(90),
        estimated_duration: Duration::from_millis(72_250),
        created_at: after(count),
    }
}

pub(super) async fn a_question_reads_back_and_is_replaced(store: Arc<dyn WholeStore>) {
    let tenant = TenantId::new();
    let (late, early) = (question(tenant, 2), question(tenant, 1));
    store.put_question(&late).await.unwrap();
    store.put_question(&early).await.unwrap();
    assert_eq!(store.question(tenant, late.id).await.unwrap(), late);
    assert_eq!(store.questions(tenant, true).await.unwrap(), [early.clone(), late.clone()]);
    let off = QuestionConfiguration { is_active: false, active_from: None, active_until: None, ..early };
    store.put_question(&off).await.unwrap();
    assert_eq!(store.questions(tenant, true).await.unwrap(), std::slice::from_ref(&late));
    assert_eq!(store.questions(tenant, false).await.unwrap(), [off, late]);
    assert_kind(store.question(tenant, QuestionId::new()).await, ErrorKind::NotFound);
}

pub(super) async fn a_question_out_of_range_is_refused(store: Arc<dyn WholeStore>) {
    let good = question(TenantId::new(), 0);
    let wrong = [
        QuestionConfiguration { text: "Kort".to_owned(), ..good.clone() },
        QuestionConfiguration { frequency: 101, ..good.clone() },
        QuestionConfiguration { department_tags: Vec::new(), ..good.clone() },
        QuestionConfiguration { active_until: Some(after(0) - Duration::from_secs(1)), ..good.clone() },
        QuestionConfiguration { max_response_time: Duration::from_secs(61), ..good.clone() },
    ];
    for wrong in wrong {
        assert_kind(store.put_question(&wrong).await, ErrorKind::Invalid);
    }
    assert_eq!(store.questions(good.tenant, false).await.unwrap(), []);
}

pub(super) async fn customers_are_counted_without_gaps(store: Arc<dyn WholeStore>) {
    let tenant = TenantId::new();
    let counters = (0..16).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.count_customer(tenant).await.unwrap() })
    });
    let mut counts: Vec<_> = join_all(counters).await.into_iter().map(Result::unwrap).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=16).collect::<Vec<_>>());
    assert_eq!(store.count_customer(TenantId::new()).await.unwrap(), 1);
}

pub(super) async fn decisions_are_kept_newest_first(store: Arc<dyn WholeStore>) {
    let tenant = TenantId::new();
    let (one, two, three) = (decision(tenant, 1), decision(tenant, 2), decision(tenant, 3));
    for log in [&two, &three, &one] {
        store.log_selection(log).await.unwrap();
    }
    assert_kind(store.log_selection(&one).await, ErrorKind::Conflict);
    assert_eq!(store.selection_logs(tenant, 2).await.unwrap(), [three.clone(), two.clone()]);
    assert_eq!(store.selection_logs(tenant, 10).await.unwrap(), [three, two, one]);
}

pub(super) async fn a_session_has_one_decision(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let (store, tenant) = (&shop.store, shop.tenant);
    let made = SelectionLog { session: Some(shop.session), ..decision(tenant, 1) };
    assert_eq!(store.selection_of_session(tenant, shop.session).await.unwrap(), None);
    store.log_selection(&made).await.unwrap();
    let again = SelectionLog { session: Some(shop.session), ..decision(tenant, 2) };
    assert_kind(store.log_selection(&again).await, ErrorKind::Conflict);
    assert_eq!(store.selection_of_session(tenant, shop.session).await.unwrap(), Some(made));
    assert_eq!(store.selection_of_session(TenantId::new(), shop.session).await.unwrap(), None);
}

pub(super) async fn a_decision_out_of_range_is_refused(store: Arc<dyn WholeStore>) {
    let good = decision(TenantId::new(), 1);
    let wrong = [
        SelectionLog { customer_count: 0, ..good.clone() },
        SelectionLog { time_budget: Duration::from_secs(121), ..good.clone() },
        SelectionLog { time_budget: Duration::from_secs(59), ..good.clone() },
        SelectionLog { estimated_duration: Duration::from_secs(91), ..good.clone() },
    ];
    for wrong in wrong {
        assert_kind(store.log_selection(&wrong).await, ErrorKind::Invalid);
    }
    assert_eq!(store.selection_logs(good.tenant, 10).await.unwrap(), []);
}
