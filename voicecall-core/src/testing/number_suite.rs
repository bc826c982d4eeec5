//! What every carrier's numbers keep to.

use std::fmt;

use super::suite;
use crate::carrier::{NumberAbilities, NumberBackend, NumberKind, NumberOrder, NumberSearch};
use crate::error::ErrorKind;
use crate::phone::PhoneNumber;

/// An account without numbers at whatever stands in for a carrier, which sells some of one country.
pub struct NumberCase {
    /// The carrier.
    pub carrier: Box<dyn NumberBackend>,
    /// Where it sells numbers that take calls, and which.
    pub sells: NumberSearch,
    /// How many numbers the account has at the carrier.
    pub owned: Box<dyn Fn() -> usize + Send + Sync>,
}

impl fmt::Debug for NumberCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NumberCase").field("carrier", &self.carrier).finish_non_exhaustive()
    }
}

/// Checks every rule and panics with the names of those the carrier breaks. `make_case` makes a fresh carrier.
pub async fn run_all<F, S>(make_case: F)
where
    F: Fn() -> S,
    S: Future<Output = NumberCase>,
{
    let broken = broken_rules(make_case).await;
    assert!(broken.is_empty(), "the carrier breaks {broken:?}");
}

/// The names of the rules the carrier breaks. `make_case` makes a fresh carrier.
pub async fn broken_rules<F, S>(make_case: F) -> Vec<&'static str>
where
    F: Fn() -> S,
    S: Future<Output = NumberCase>,
{
    suite::broken(RULES, make_case).await
}

macro_rules! rules {
    ($($rule:ident,)*) => {
        const RULES: &[suite::Rule<NumberCase>] = &[$((stringify!($rule), |case| Box::pin($rule(case))),)*];
    };
}

rules! {
    what_is_bought_is_listed_and_what_was_given_back_is_not,
    what_is_found_is_what_was_looked_for,
    what_it_cannot_do_sends_nothing,
    a_number_of_somebody_else_is_named,
}

/// An order of a kind that the carrier has.
async fn order(case: &NumberCase) -> NumberOrder {
    if case.carrier.capabilities().any {
        return NumberOrder::Any { country: case.sells.country, abilities: case.sells.abilities };
    }
    let found = case.carrier.search(&case.sells).await.expect("numbers can be searched");
    NumberOrder::Chosen(found.first().expect("there are some").number.clone())
}

async fn what_is_bought_is_listed_and_what_was_given_back_is_not(case: NumberCase) {
    let bought = case.carrier.buy(&order(&case).await).await.expect("it is sold");
    assert_eq!((case.owned)(), 1, "one was bought");
    assert!(bought.abilities.include(&case.sells.abilities));
    assert_eq!(case.carrier.list().await.expect("numbers are listed"), std::slice::from_ref(&bought));
    case.carrier.release(&bought.number).await.expect("it is the account's");
    assert_eq!(case.carrier.list().await.expect("numbers are listed"), []);
    let again = case.carrier.release(&bought.number).await.expect_err("it is not the account's any more");
    assert_eq!((again.kind(), again.field()), (ErrorKind::NotFound, Some("number")));
}

async fn what_is_found_is_what_was_looked_for(case: NumberCase) {
    if !case.carrier.capabilities().choose {
        return;
    }
    let all = case.carrier.search(&case.sells).await.expect("numbers can be searched");
    assert!(all.iter().all(|found| found.abilities.include(&case.sells.abilities)));
    let last = all.last().expect("there are some").number.reveal();
    let mut precise = case.sells.clone();
    precise.digits = last.get(last.len() - 8..).map(str::to_owned);
    let found = case.carrier.search(&precise).await.expect("numbers can be searched");
    assert!(found.iter().any(|found| found.number.reveal() == last), "it is among them");
    let digits = precise.digits.as_deref().unwrap_or_default();
    assert!(found.iter().all(|found| found.number.reveal().contains(digits)));
    precise.digits = Some("x".to_owned());
    assert_eq!(case.carrier.search(&precise).await.expect_err("no digits").field(), Some("digits"));
}

async fn what_it_cannot_do_sends_nothing(case: NumberCase) {
    let able = case.carrier.capabilities();
    let mut refused = Vec::new();
    if !able.choose {
        refused.push(case.carrier.search(&case.sells).await.map(drop));
        refused.push(case.carrier.buy(&NumberOrder::Chosen(number())).await.map(drop));
    }
    if !able.any {
        let any = NumberOrder::Any { country: case.sells.country, abilities: NumberAbilities::VOICE };
        refused.push(case.carrier.buy(&any).await.map(drop));
    }
    for refused in refused {
        assert_eq!(refused.expect_err("it cannot").kind(), ErrorKind::Unsupported);
    }
    assert_eq!((case.owned)(), 0, "nothing was bought");
}

async fn a_number_of_somebody_else_is_named(case: NumberCase) {
    let refused = case.carrier.release(&number()).await.expect_err("not a number of the account");
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::NotFound, Some("number")));
    assert!(refused.to_string().contains(&number().masked()), "{refused}");
}

/// A number of somebody else.
fn number() -> PhoneNumber {
    "+46799999999".parse().expect("a number")
}

/// A search that any number of a kind matches which takes calls.
#[must_use]
pub fn voice_numbers(country: &str, kind: NumberKind) -> NumberSearch {
    NumberSearch::new(country.parse().expect("a country"), kind, NumberAbilities::VOICE)
}
