//! The price list that comes with the example, and the budget of a call at its prices.

use jiff::Timestamp;
use voicecall::journal::JournalEntry;
use voicecall::model::TokenUsage;
use voicecall::money::{Budget, CallPrices, CallServices, CarrierPrice, Cost, CostMeter, Money, PriceBook, Service};
use voicecall::store::{Attachment, Session, SessionChange, Store};
use voicecall::{Error, Result};

use crate::settings::optional;

/// Whose price of a call is assumed where that of its account is not known.
const CARRIER: &str = "46elks";

/// What a carrier charges for a call made at an instant.
///
/// # Errors
/// `Config` as [`prices`].
pub(crate) fn of_carrier(name: &str, at: Timestamp) -> Result<CarrierPrice> {
    prices_through(name, at).map(|prices| prices.carrier)
}

/// What a call made at an instant is charged for.
///
/// # Errors
/// `Config` naming the part of the list that is missing or wrong.
pub(crate) fn prices(at: Timestamp) -> Result<CallPrices> {
    prices_through(CARRIER, at)
}

fn prices_through(carrier: &str, at: Timestamp) -> Result<CallPrices> {
    let book: PriceBook = toml::from_str(include_str!("prices.toml"))
        .map_err(|error| Error::config("prices.toml", "a price book").with_source(error))?;
    book.validate()?;
    let openai = Service::of("openai");
    let model = optional("VOICECALL_CHAT_MODEL");
    let model = openai.with_model(model.as_deref().unwrap_or("gpt-6-luna"));
    let services = CallServices { carrier, transcription: openai, speech: openai, model };
    book.prices(&services, at)
}

/// The budget of a call made at an instant, whose last words, if it has to be cut short, are `farewell`.
///
/// # Errors
/// `Config` as [`prices`].
pub(crate) fn budget(at: Timestamp, farewell: &str) -> Result<Budget> {
    let mut budget = Budget::new(prices(at)?);
    budget.farewell = Some(farewell.to_owned());
    Ok(budget)
}

/// Adds what a model used for a call that is over to the cost of its session.
///
/// # Errors
/// `Config` as [`prices`]; what the store reports.
pub(crate) async fn charge(store: &dyn Store, session: &Session, usage: TokenUsage, at: Timestamp) -> Result<()> {
    let mut meter = CostMeter::new(&Budget::new(prices(at)?));
    meter.used(usage);
    let added = meter.cost().model;
    if added == Money::ZERO {
        return Ok(());
    }
    let before = store.session(session.tenant, session.id).await?.cost_micros;
    let cost = Money::from_micros(before.unwrap_or(0)).saturating_add(added);
    let what = Attachment { cost_micros: Some(cost.micros()), ..Attachment::default() };
    store.change_session(session.tenant, session.id, &SessionChange::Attach { what, at }).await.map(drop)
}

/// What a call cost by its parts. What was made of it afterwards stands in the session only, and is the model's.
pub(crate) fn cost(session: &Session, journal: &[JournalEntry]) -> Cost {
    let mut cost = Cost::of(journal).unwrap_or_default();
    let later = Money::from_micros(session.cost_micros.unwrap_or(0)).saturating_sub(cost.total());
    cost.model = cost.model.saturating_add(later.max(Money::ZERO));
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_prices_are_complete_and_a_two_minute_call_is_affordable() {
        let at = "2026-11-20T12:00:00Z".parse().unwrap();
        let budget = budget(at, "Hej då.").unwrap();
        let mut meter = CostMeter::new(&budget);
        meter.on_the_line(std::time::Duration::from_secs(120));
        meter.spoke(2000);
        assert!(meter.cost().total() < budget.cap, "{}", meter.cost().total());
    }
}
