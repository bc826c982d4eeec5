//! Ten thousand customers in a row: that shares are reached, how they shrink, that nothing starves.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::store::{Priority, QuestionConfiguration, QuestionId};
use voicecall_core::{RecordId, TenantId};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const CUSTOMERS: u64 = 10_000;

/// 30 characters: 2 s of words, 12 s in all. Six of them are 72 s, five 60 s.
const TEXT: &str = "Hur var ditt besök hos oss ???";

fn question(number: u128, frequency: u32, priority: Priority) -> QuestionConfiguration {
    let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(7));
    let mut question = QuestionConfiguration::new(tenant, TEXT, NOW);
    question.id = QuestionId::from_uuid(uuid::Uuid::from_u128(number));
    question.frequency = frequency;
    question.priority = priority;
    question
}

/// A shop and its customers, one after the other.
struct Shop {
    request: SelectionRequest,
    asked: BTreeMap<u128, u64>,
    last: Option<Selection>,
}

impl Shop {
    fn new(configurations: Vec<QuestionConfiguration>, budget: u64) -> Self {
        let tenant = configurations[0].tenant;
        let mut request = SelectionRequest::new(tenant, configurations, 0, NOW);
        request.time_budget = Duration::from_secs(budget);
        Self { request, asked: BTreeMap::new(), last: None }
    }

    fn serve(&mut self, customers: u64) {
        self.asked.clear();
        for _ in 0..customers {
            self.request.customer_count += 1;
            let selection = ByFrequency::default().select(&self.request);
            assert!(selection.estimated_duration <= self.request.time_budget);
            for question in &selection.questions {
                *self.asked.entry(question.id.as_uuid().as_u128()).or_default() += 1;
            }
            self.request.history = selection.history(std::mem::take(&mut self.request.history));
            self.request.carried_over.clone_from(&selection.carry_over);
            self.last = Some(selection);
        }
    }

    /// The part of the customers served last who were asked.
    fn share(&self, number: u128, customers: u64) -> f64 {
        self.asked.get(&number).copied().unwrap_or(0) as f64 / customers as f64
    }

    #[track_caller]
    fn assert_declared_shares(&self, customers: u64) {
        for question in self.request.configurations.iter().filter(|question| question.is_active) {
            let share = self.share(question.id.as_uuid().as_u128(), customers);
            let declared = 1.0 / f64::from(question.frequency);
            assert!((share - declared).abs() <= 0.01, "{share} of {declared}: {question:?}");
        }
    }
}

#[test]
fn each_question_reaches_its_share_when_demand_fits() {
    use Priority::{High, Low, Medium};
    let shapes = [
        (2, High),
        (1, Medium),
        (1, Low),
        (2, Low),
        (3, Medium),
        (3, Low),
        (4, Medium),
        (5, Low),
        (6, Medium),
        (7, High),
        (10, Low),
        (10, Medium),
        (12, Low),
        (25, Medium),
        (50, Low),
        (60, Medium),
        (100, Low),
        (100, High),
    ];
    let mut configurations: Vec<_> =
        (1..).zip(shapes).map(|(number, (frequency, priority))| question(number, frequency, priority)).collect();
    for (place, question) in configurations.iter_mut().enumerate() {
        question.department_tags = vec![format!("department {}", place % 4)];
    }
    let mut shop = Shop::new(configurations, 90);
    shop.request.context_tags = vec!["department 1".to_owned()];
    shop.serve(CUSTOMERS);
    let load = shop.last.as_ref().unwrap().explanation.load;
    assert!(load.fits() && load.demanded > Duration::from_secs(50), "{load}");
    shop.assert_declared_shares(CUSTOMERS);
}

#[test]
fn what_can_wait_never_displaces_what_cannot() {
    let mut configurations: Vec<_> = (1..=4).map(|number| question(number, 1, Priority::Low)).collect();
    configurations.extend((5..=9).map(|number| question(number, 10, Priority::Medium)));
    let mut shop = Shop::new(configurations, 80);
    shop.serve(CUSTOMERS);
    for number in 1..=4 {
        assert_eq!(shop.asked[&number], CUSTOMERS, "every customer");
    }
    shop.assert_declared_shares(CUSTOMERS);
}

#[test]
fn shares_shrink_by_priority_when_demand_does_not_fit_and_the_log_says_so() {
    let mut configurations: Vec<_> = vec![question(1, 2, Priority::High)];
    configurations.extend((2..=7).map(|number| question(number, 1, Priority::Medium)));
    configurations.extend((8..=13).map(|number| question(number, 1, Priority::Low)));
    let mut shop = Shop::new(configurations, 92);
    shop.serve(CUSTOMERS);

    assert!((shop.share(1, CUSTOMERS) - 0.5).abs() < 1e-9, "essential questions are guaranteed");
    // Of six places the essential one takes half a place; 5.5 are shared 2:1 by six and six.
    for number in 2..=13 {
        let expected = if number <= 7 { 5.5 / 9.0 } else { 5.5 / 18.0 };
        let share = shop.share(number, CUSTOMERS);
        assert!((share - expected).abs() <= 0.02, "question {number}: {share}, expected {expected}");
    }
    let explanation = &shop.last.as_ref().unwrap().explanation;
    assert!(!explanation.load.fits());
    assert_eq!(
        explanation.load.to_string(),
        "The questions demand 150.0 s of an average call and 72.0 s are available: shares shrink by priority."
    );
    for considered in &explanation.considered {
        let number = considered.question.as_uuid().as_u128();
        assert_eq!(considered.standing.granted, shop.asked[&number]);
        assert_eq!(considered.standing.demanded, CUSTOMERS / u64::from(considered.frequency));
    }
}

#[test]
fn rare_questions_keep_their_part_when_demand_does_not_fit() {
    let mut configurations: Vec<_> = (1..=8).map(|number| question(number, 1, Priority::Medium)).collect();
    configurations.push(question(9, 10, Priority::Medium));
    configurations.push(question(10, 10, Priority::Low));
    let mut shop = Shop::new(configurations, 80);
    shop.serve(CUSTOMERS);
    let kept = |number| shop.share(number, CUSTOMERS) * if number <= 8 { 1.0 } else { 10.0 };
    let often = (1..=8).map(kept).sum::<f64>() / 8.0;
    assert!((0.55..0.65).contains(&often), "{often}");
    assert!(kept(9) >= often - 0.05 && kept(9) > kept(10), "{} {}", kept(9), kept(10));
    assert!(kept(10) >= often / 2.0 - 0.05, "{}", kept(10));
}

#[test]
fn questions_switched_on_and_off_midway_keep_their_shares_while_they_are_on() {
    let mut configurations: Vec<_> = (1..=4).map(|number| question(number, 1, Priority::Medium)).collect();
    configurations.extend((5..=10).map(|number| question(number, 5, Priority::Low)));
    configurations[9].is_active = false;
    let mut shop = Shop::new(configurations, 92);
    shop.serve(CUSTOMERS / 2);
    shop.assert_declared_shares(CUSTOMERS / 2);
    assert_eq!(shop.share(10, CUSTOMERS / 2), 0.0);

    shop.request.configurations[9].is_active = true;
    shop.request.configurations[0].is_active = false;
    shop.request.configurations[4].frequency = 2;
    shop.serve(CUSTOMERS / 2);
    shop.assert_declared_shares(CUSTOMERS / 2);
    assert_eq!(shop.share(1, CUSTOMERS / 2), 0.0);
}

#[test]
fn a_flood_of_new_questions_finds_its_balance_soon_after_a_calm_time() {
    let mut configurations: Vec<_> = (1..=5).map(|number| question(number, 1, Priority::Low)).collect();
    configurations.extend((6..=11).map(|number| question(number, 1, Priority::Medium)));
    configurations[5..].iter_mut().for_each(|question| question.is_active = false);
    let mut shop = Shop::new(configurations, 92);
    shop.serve(CUSTOMERS);
    shop.assert_declared_shares(CUSTOMERS);
    shop.request.configurations[5..].iter_mut().for_each(|question| question.is_active = true);
    shop.serve(300);
    for number in 1..=5 {
        let share = shop.share(number, 300);
        assert!((share - 6.0 / 17.0).abs() < 0.1, "question {number}: {share}");
    }
}

#[test]
fn equals_share_fairly() {
    let mut shop = Shop::new((1..=2).map(|number| question(number, 1, Priority::High)).collect(), 40);
    shop.serve(CUSTOMERS);
    assert_eq!((shop.asked[&1], shop.asked[&2]), (CUSTOMERS / 2, CUSTOMERS / 2));

    let mut shop = Shop::new((1..=7).map(|number| question(number, 3, Priority::Low)).collect(), 40);
    shop.serve(CUSTOMERS);
    let (least, most) = (shop.asked.values().min().unwrap(), shop.asked.values().max().unwrap());
    assert!(most - least <= 2, "{:?}", shop.asked);
}

#[test]
fn a_long_question_is_not_passed_by_for_ever() {
    let mut configurations: Vec<_> = (1..=8).map(|number| question(number, 1, Priority::Medium)).collect();
    configurations[0].text = "x".repeat(450);
    let mut shop = Shop::new(configurations, 80);
    shop.serve(CUSTOMERS);
    assert!(shop.share(1, CUSTOMERS) > 0.2, "{}", shop.share(1, CUSTOMERS));
}

#[test]
fn the_log_carries_the_state_from_customer_to_customer() {
    let configurations: Vec<_> =
        (1..=9).map(|n| question(n, u32::try_from(n).unwrap() % 3 + 1, Priority::Low)).collect();
    let mut shop = Shop::new(configurations.clone(), 60);
    let fresh = |count| {
        let mut request = SelectionRequest::new(configurations[0].tenant, configurations.clone(), count, NOW);
        request.time_budget = Duration::from_secs(60);
        request
    };
    let mut log: Option<crate::store::SelectionLog> = None;
    for count in 1..=50 {
        let request = log.iter().fold(fresh(count), |request, log| request.following(log).unwrap());
        let selection = ByFrequency::default().select(&request);
        shop.serve(1);
        assert_eq!(Some(&selection), shop.last.as_ref());
        log = Some(selection.to_log(RecordId::new(), &request));
    }
}

fn any_configurations() -> impl Strategy<Value = Vec<QuestionConfiguration>> {
    let any = (1u32..=20, 0usize..3, 10usize..120, 10u64..=60, 0usize..3);
    prop::collection::vec(any, 1..25).prop_map(|shapes| {
        (1..)
            .zip(shapes)
            .map(|(number, (frequency, priority, length, seconds, tag))| {
                let mut question = question(number, frequency, Priority::ALL[priority]);
                question.text = "x".repeat(length);
                question.max_response_time = Duration::from_secs(seconds);
                question.department_tags = vec![["kaffe", "kassa", "general"][tag].to_owned()];
                question
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn over_any_shops_customers_the_budget_holds_and_each_decision_replays(
        configurations in any_configurations(), budget in 60u64..=120, customers in 1u64..400,
    ) {
        let mut shop = Shop::new(configurations, budget);
        shop.serve(customers);
        let before = shop.request.clone();
        shop.serve(1);
        let selection = shop.last.unwrap();
        let request = SelectionRequest { customer_count: before.customer_count + 1, ..before };
        let log = selection.to_log(RecordId::new(), &request);
        let again = replay(&log, request.configurations).unwrap();
        prop_assert_eq!(&again.differences, &[]);
        prop_assert_eq!(again.selection, selection);
    }

    #[test]
    fn no_question_that_fits_a_call_starves(configurations in any_configurations(), budget in 75u64..=120) {
        let mut configurations = configurations;
        configurations.iter_mut().for_each(|question| question.priority = Priority::Medium);
        let mut shop = Shop::new(configurations, budget);
        shop.serve(2_000);
        for question in &shop.request.configurations {
            prop_assert!(shop.share(question.id.as_uuid().as_u128(), 2_000) > 0.0, "{:?}", question);
        }
    }
}
