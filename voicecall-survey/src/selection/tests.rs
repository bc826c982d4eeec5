//! Selection as a whole: what is due, what fits, in which order, and that it can be explained and repeated.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::store::{Priority, QuestionConfiguration, QuestionId};
use voicecall_core::{RecordId, TenantId};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn tenant() -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(7))
}

/// A question with the id `number`; 12 characters, so 800 ms of words and 10.8 s in all.
fn question(number: u128) -> QuestionConfiguration {
    let mut question = QuestionConfiguration::new(tenant(), "Hur var det?", NOW);
    question.id = QuestionId::from_uuid(uuid::Uuid::from_u128(number));
    question
}

fn request(configurations: Vec<QuestionConfiguration>) -> SelectionRequest {
    SelectionRequest::new(tenant(), configurations, 7, NOW)
}

fn ids(questions: &[QuestionConfiguration]) -> Vec<u128> {
    questions.iter().map(|question| question.id.as_uuid().as_u128()).collect()
}

fn reasons(selection: &Selection) -> Vec<(u128, Reason)> {
    let considered = selection.explanation.considered.iter();
    let mut reasons: Vec<_> = considered.map(|c| (c.question.as_uuid().as_u128(), c.reason)).collect();
    reasons.sort_by_key(|&(id, _)| id);
    reasons
}

#[test]
fn due_is_what_is_active_and_whose_frequency_divides_the_customers_number() {
    let mut configurations: Vec<_> = (1..=6).map(question).collect();
    configurations[1].frequency = 7;
    configurations[2].frequency = 2;
    configurations[3].is_active = false;
    configurations[4].active_from = Some(Timestamp::MAX);
    configurations[5].tenant = TenantId::new();

    let selection = ByFrequency::default().select(&request(configurations));

    let expected = [
        (1, Reason::Selected),
        (2, Reason::Selected),
        (3, Reason::NotDue),
        (4, Reason::NotActive),
        (5, Reason::NotActive),
        (6, Reason::OtherTenant),
    ];
    assert_eq!(reasons(&selection), expected);
    assert_eq!(ids(&selection.questions), [1, 2], "what can wait ranks lower");
    assert_eq!(selection.estimated_duration, Duration::from_millis(20_000 + 2 * 10_800));
}

#[test]
fn what_does_not_fit_is_carried_over_and_then_goes_first() {
    let mut request = request((1..=5).map(question).collect());
    request.time_budget = Duration::from_secs(60);

    let first = ByFrequency::default().select(&request);
    assert_eq!(ids(&first.questions), [1, 2, 3]);
    assert_eq!(first.carry_over.len(), 2);

    request.carried_over = first.carry_over;
    request.configurations.iter_mut().for_each(|question| question.frequency = 2);
    let second = ByFrequency::default().select(&request);
    assert_eq!(ids(&second.questions), [4, 5], "carried over although not due");
    assert!(second.carry_over.is_empty());
}

#[test]
fn a_carried_question_that_is_no_longer_active_is_dropped() {
    let mut off = question(1);
    off.is_active = false;
    let mut request = request(vec![off, question(2)]);
    request.carried_over = vec![QuestionId::from_uuid(uuid::Uuid::from_u128(1)), QuestionId::new()];
    let selection = ByFrequency::default().select(&request);
    assert_eq!(ids(&selection.questions), [2]);
    assert!(selection.carry_over.is_empty());
}

#[test]
fn essential_questions_come_before_whatever_ranks_higher() {
    let mut configurations: Vec<_> = (1..=5).map(question).collect();
    for low in &mut configurations[..4] {
        low.priority = Priority::Medium;
        low.department_tags = vec!["kaffe".into(), "kassa".into()];
    }
    configurations[4].priority = Priority::High;
    let mut request = request(configurations);
    request.context_tags = vec!["kaffe".into(), "kassa".into()];
    request.time_budget = Duration::from_secs(60);
    let selection = ByFrequency::default().select(&request);
    assert_eq!(ids(&selection.questions), [5, 1, 2]);
}

#[test]
fn context_and_history_decide_between_equals() {
    let mut configurations: Vec<_> = (1..=3).map(question).collect();
    configurations[2].department_tags = vec!["kassa".into()];
    let mut request = request(configurations);
    request.context_tags = vec!["kassa".into()];
    let asked = Standing { demanded: 5, granted: 5, ..Standing::default() };
    request.history.insert(QuestionId::from_uuid(uuid::Uuid::from_u128(1)), asked);
    let selection = ByFrequency::default().select(&request);
    assert_eq!(ids(&selection.questions), [3, 2, 1]);
}

#[test]
fn related_questions_are_asked_together() {
    let mut configurations: Vec<_> = (1..=4).map(question).collect();
    for (question, tag) in configurations.iter_mut().zip(["kaffe", "kassa", "kaffe", "kassa"]) {
        question.department_tags = vec![tag.into()];
    }
    configurations[3].priority = Priority::High;
    let selection = ByFrequency::default().select(&request(configurations));
    assert_eq!(ids(&selection.questions), [4, 2, 1, 3]);
}

#[test]
fn in_order_takes_active_questions_until_the_time_is_used() {
    let mut configurations: Vec<_> = (1..=5).rev().map(question).collect();
    configurations[1].is_active = false;
    configurations[2].text = "x".repeat(450);
    let mut request = request(configurations);
    request.time_budget = Duration::from_secs(60);
    let selection = InOrder::default().select(&request);
    assert_eq!(ids(&selection.questions), [5]);
    assert_eq!(reasons(&selection)[0], (1, Reason::NoTime), "nothing overtakes");
    assert_eq!(selection.explanation.algorithm, "in-order/1");
}

#[test]
fn without_a_question_there_is_no_call() {
    for selector in [&ByFrequency::default() as &dyn QuestionSelector, &InOrder::default()] {
        let selection = selector.select(&request(Vec::new()));
        assert!(selection.questions.is_empty());
        assert_eq!(selection.estimated_duration, Duration::ZERO);
    }
}

#[test]
fn the_log_holds_the_choice_and_its_reasons() {
    let mut request = request(vec![question(1), question(2)]);
    request.configurations[1].frequency = 2;
    let selection = ByFrequency::default().select(&request);
    let id = RecordId::new();
    let log = selection.to_log(id, &request);
    assert_eq!((log.id, log.customer_count, log.algorithm.as_str()), (id, 7, "frequency-priority-context/2"));
    assert_eq!(log.selected, [request.configurations[0].id]);
    assert!(log.estimated_duration <= log.time_budget);
    let explanation: Explanation = serde_json::from_value(log.criteria["explanation"].clone()).unwrap();
    assert_eq!(explanation, selection.explanation);
    assert_eq!(log.criteria["explanation"]["considered"][1]["reason"], "not_due");
}

#[test]
fn each_question_is_explained_in_a_sentence() {
    let mut configurations: Vec<_> = (1..=8).map(question).collect();
    configurations[1].frequency = 3;
    configurations[2].frequency = 2;
    configurations[3].is_active = false;
    configurations[4].priority = Priority::High;
    configurations[5].text = "x".repeat(500);
    configurations[5].max_response_time = Duration::from_secs(60);
    let mut request = request(configurations);
    request.customer_count = 9;
    request.time_budget = Duration::from_secs(60);
    request.carried_over = vec![request.configurations[7].id];
    let explanation = ByFrequency::default().select(&request).explanation;
    let sentences: std::collections::BTreeMap<_, _> =
        explanation.sentences().map(|(id, sentence)| (id.as_uuid().as_u128(), sentence)).collect();
    let expected = [
        "Asked of every customer; chosen. So far asked 1 of 1 times.",
        "Asked of every 3rd customer; this is the 9th; no time left. So far asked 0 of 1 times.",
        "Asked of every 2nd customer; this is the 9th; not its turn.",
        "Switched off, or outside its dates.",
        "Asked of every customer; essential; chosen. So far asked 1 of 1 times.",
        "Asked of every customer; longer than a whole call may be. So far asked 0 of 1 times.",
        "Asked of every customer; no time left. So far asked 0 of 1 times.",
        "Asked of every customer; waiting since an earlier customer; chosen. So far asked 1 of 1 times.",
    ];
    assert_eq!(sentences.into_values().collect::<Vec<_>>(), expected);
}

mockall::mock! {
    #[derive(Debug)]
    Selector {}
    impl QuestionSelector for Selector {
        fn algorithm(&self) -> &'static str;
        fn select(&self, request: &SelectionRequest) -> Selection;
    }
}

#[test]
fn a_selector_can_be_mocked() {
    let mut selector = MockSelector::new();
    selector.expect_select().times(1).returning(|request| InOrder::default().select(request));
    let selector: Box<dyn QuestionSelector> = Box::new(selector);
    assert_eq!(ids(&selector.select(&request(vec![question(1)])).questions), [1]);
}

prop_compose! {
    fn any_question()(
        number in 1u128..60, words in 10usize..500, frequency in 1u32..=12, priority in 0usize..3, tag in 0usize..3,
        active in prop::bool::weighted(0.8), seconds in 10u64..=60, created in 0i64..3,
    ) -> QuestionConfiguration {
        let mut question = question(number);
        question.text = "x".repeat(words);
        question.frequency = frequency;
        question.priority = Priority::ALL[priority];
        question.department_tags = vec![["kaffe", "kassa", "general"][tag].to_owned()];
        question.is_active = active;
        question.max_response_time = Duration::from_secs(seconds);
        question.created_at = Timestamp::from_second(created).unwrap();
        question
    }
}

prop_compose! {
    fn any_request()(
        configurations in prop::collection::vec(any_question(), 0..40), customer_count in 1u64..200,
        budget in 60u64..=120, carried in prop::collection::vec(1u128..60, 0..6), tag in 0usize..3,
    ) -> SelectionRequest {
        let mut request = request(configurations);
        request.customer_count = customer_count;
        request.time_budget = Duration::from_secs(budget);
        request.carried_over = carried.into_iter().map(|id| QuestionId::from_uuid(uuid::Uuid::from_u128(id))).collect();
        request.context_tags = vec![["kaffe", "kassa", "general"][tag].to_owned()];
        request
    }
}

proptest! {
    #[test]
    fn a_selection_keeps_its_contract(request in any_request()) {
        for selector in [&ByFrequency::default() as &dyn QuestionSelector, &InOrder::default()] {
            let selection = selector.select(&request);
            prop_assert!(selection.estimated_duration <= request.time_budget);
            let chosen: BTreeSet<_> = selection.questions.iter().map(|question| question.id).collect();
            prop_assert_eq!(chosen.len(), selection.questions.len());
            for question in &selection.questions {
                prop_assert!(question.is_active && request.configurations.contains(question));
            }
            prop_assert_eq!(selection.explanation.considered.len(), request.configurations.len());
            prop_assert_eq!(selection.explanation.sentences().count(), request.configurations.len());
            prop_assert_eq!(&selector.select(&request), &selection);
        }
    }

    #[test]
    fn only_what_is_due_or_carried_is_chosen_and_the_rest_of_it_is_carried_over(request in any_request()) {
        let selection = ByFrequency::default().select(&request);
        let chosen = selection.questions.iter().map(|question| question.id);
        let settled: BTreeSet<_> = chosen.chain(selection.carry_over.iter().copied()).collect();
        let mut first = BTreeSet::new();
        for question in request.configurations.iter().filter(|question| first.insert(question.id)) {
            let due = request.customer_count % u64::from(question.frequency) == 0;
            let expected = question.is_active && (due || request.carried_over.contains(&question.id));
            prop_assert_eq!(settled.contains(&question.id), expected);
        }
    }

    #[test]
    fn what_is_not_essential_never_changes_which_essential_questions_are_chosen(request in any_request()) {
        let essential = |selection: &Selection| -> BTreeSet<_> {
            let questions = selection.questions.iter();
            questions.filter(|question| question.priority == Priority::High).map(|question| question.id).collect()
        };
        let mut first = BTreeSet::new();
        let mut request = request;
        request.configurations.retain(|question| first.insert(question.id));
        let all = ByFrequency::default().select(&request);
        request.configurations.retain(|question| question.priority == Priority::High);
        let alone = ByFrequency::default().select(&request);
        prop_assert_eq!(essential(&all), essential(&alone));
    }

    #[test]
    fn the_order_of_configurations_does_not_matter(request in any_request()) {
        let mut first = BTreeSet::new();
        let mut request = request;
        request.configurations.retain(|question| first.insert(question.id));
        let forward = ByFrequency::default().select(&request);
        request.configurations.reverse();
        prop_assert_eq!(ByFrequency::default().select(&request).questions, forward.questions);
    }
}
