//! The price book: what services charge, and from which day on. Data, to be kept in a file and replaced by one's own contracts.

use std::borrow::Cow;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::prices::{CallPrices, CarrierPrice, ModelPrice, Price, SpeechPrice, TranscriptionPrice};
use crate::error::{Error, Result};

/// Prices of all services, past, present and known future ones.
///
/// ```
/// use voicecall_core::money::{CallServices, PriceBook, Service};
///
/// let book: PriceBook = serde_json::from_str(r#"{
///     "carrier": [{ "provider": "twilio", "from": "2026-01-01", "price": { "per_minute": 14000 } }],
///     "transcription": [{ "provider": "openai", "from": "2026-01-01", "price": { "per_minute": 4500 } }],
///     "speech": [{ "provider": "openai", "from": "2026-01-01", "price": { "per_1000_characters": 15000 } }],
///     "model": [{ "provider": "openai", "model": "gpt-6-luna", "from": "2026-01-01", "price":
///         { "input_per_million": 100000, "cached_per_million": 10000, "output_per_million": 500000 } }]
/// }"#).unwrap();
/// book.validate()?;
/// let openai = Service::of("openai");
/// let services = CallServices { carrier: "twilio", transcription: openai, speech: openai, model: openai.with_model("gpt-6-luna") };
/// let prices = book.prices(&services, "2026-11-20T12:00:00Z".parse().unwrap())?;
/// assert_eq!(prices.carrier.per_minute.micros(), 14_000);
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceBook {
    /// What carriers charge.
    pub carrier: Vec<PriceEntry<CarrierPrice>>,
    /// What transcribers charge.
    pub transcription: Vec<PriceEntry<TranscriptionPrice>>,
    /// What synthesisers charge.
    pub speech: Vec<PriceEntry<SpeechPrice>>,
    /// What language models charge.
    pub model: Vec<PriceEntry<ModelPrice>>,
}

/// What one service charges from one day on, until a newer entry takes effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceEntry<P> {
    /// The provider's name, as the backends give it.
    pub provider: String,
    /// The model it is for; absent for all models without an entry of their own, and for carriers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The first day, in UTC, on which it holds.
    pub from: civil::Date,
    /// The price.
    pub price: P,
}

/// A service by which a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// The model's id, if it is known.
    pub model: Option<&'a str>,
}

impl<'a> Service<'a> {
    /// A provider's service, whatever its model.
    #[must_use]
    pub const fn of(provider: &'a str) -> Self {
        Self { provider, model: None }
    }

    /// The same with this model.
    #[must_use]
    pub const fn with_model(self, model: &'a str) -> Self {
        Self { model: Some(model), ..self }
    }
}

/// The services by which a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallServices<'a> {
    /// The carrier's name.
    pub carrier: &'a str,
    /// The transcriber.
    pub transcription: Service<'a>,
    /// The synthesiser.
    pub speech: Service<'a>,
    /// The language model.
    pub model: Service<'a>,
}

impl PriceBook {
    /// What these services charge at an instant: of each the newest entry that has taken effect, the model's own before
    /// the one for all models.
    ///
    /// # Errors
    /// `Config` naming the list in which there is none.
    pub fn prices(&self, services: &CallServices<'_>, at: Timestamp) -> Result<CallPrices> {
        let day = at.to_zoned(TimeZone::UTC).date();
        let carrier = find(&self.carrier, "carrier", Service::of(services.carrier), day)?;
        let transcription = find(&self.transcription, "transcription", services.transcription, day)?;
        let speech = find(&self.speech, "speech", services.speech, day)?;
        let model = find(&self.model, "model", services.model, day)?;
        Ok(CallPrices {
            effective: carrier.from.max(transcription.from).max(speech.from).max(model.from),
            carrier: carrier.price,
            transcription: transcription.price,
            speech: speech.price,
            model: model.price,
        })
    }

    /// Checks every entry.
    ///
    /// # Errors
    /// `Config` naming the field, such as `carrier[0].price.per_minute`.
    pub fn validate(&self) -> Result<()> {
        check(&self.carrier, "carrier")?;
        check(&self.transcription, "transcription")?;
        check(&self.speech, "speech")?;
        check(&self.model, "model")?;
        for (place, entry) in self.carrier.iter().enumerate() {
            if entry.model.is_some() {
                return Err(Error::config(format!("carrier[{place}].model"), "absent, carriers have no models"));
            }
        }
        for (place, entry) in self.transcription.iter().enumerate() {
            if entry.price.increment.as_millis() == 0 {
                let field = format!("transcription[{place}].price.increment_ms");
                return Err(Error::config(field, "at least 1"));
            }
        }
        Ok(())
    }
}

fn find<'a, P>(
    entries: &'a [PriceEntry<P>],
    list: &'static str,
    service: Service<'_>,
    day: civil::Date,
) -> Result<&'a PriceEntry<P>> {
    let in_effect = entries.iter().filter(|entry| entry.provider == service.provider && entry.from <= day);
    let suits = in_effect.filter(|entry| entry.model.is_none() || entry.model.as_deref() == service.model);
    let best = suits.max_by_key(|entry| (entry.model.is_some(), entry.from));
    best.ok_or_else(|| Error::config(list, format!("a price of {} that holds on {day}", service.provider)))
}

fn check<P: Price>(entries: &[PriceEntry<P>], list: &'static str) -> Result<()> {
    for (place, entry) in entries.iter().enumerate() {
        let wrong = |field: &str, expected: &'static str| {
            Err(Error::config(format!("{list}[{place}].{field}"), Cow::Borrowed(expected)))
        };
        if entry.provider.trim().is_empty() {
            return wrong("provider", "not empty");
        }
        if entry.model.as_ref().is_some_and(|model| model.trim().is_empty()) {
            return wrong("model", "absent or not empty");
        }
        if let Some((name, _)) = entry.price.amounts().find(|(_, amount)| amount.micros() < 0) {
            return wrong(&format!("price.{name}"), "not negative");
        }
        let same = |other: &PriceEntry<P>| {
            (&other.provider, &other.model, other.from) == (&entry.provider, &entry.model, entry.from)
        };
        if entries.iter().take(place).any(same) {
            return wrong("from", "one entry a day for a service");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    fn entry(provider: &str, model: Option<&str>, from: &str, micros: i64) -> PriceEntry<SpeechPrice> {
        let price = SpeechPrice { per_1000_characters: Money::from_micros(micros) };
        PriceEntry { provider: provider.into(), model: model.map(Into::into), from: from.parse().unwrap(), price }
    }

    fn book() -> PriceBook {
        let text = r#"{
            "carrier": [{ "provider": "c", "from": "2026-01-01", "price": { "per_minute": 14000 } }],
            "transcription": [{ "provider": "a", "from": "2026-01-01", "price": { "per_minute": 4500 } }],
            "model": [{ "provider": "a", "from": "2026-01-01", "price":
                { "input_per_million": 1, "cached_per_million": 2, "output_per_million": 3 } }]
        }"#;
        let mut book: PriceBook = serde_json::from_str(text).unwrap();
        book.speech = vec![
            entry("a", None, "2026-03-01", 30),
            entry("a", None, "2026-01-01", 10),
            entry("a", Some("m"), "2026-02-01", 20),
            entry("b", None, "2026-04-01", 40),
        ];
        book
    }

    fn speech(service: Service<'_>, at: &str) -> Option<i64> {
        let ai = Service::of("a");
        let services = CallServices { carrier: "c", transcription: ai, speech: service, model: ai.with_model("x") };
        let prices = book().prices(&services, at.parse().unwrap()).ok()?;
        Some(prices.speech.per_1000_characters.micros())
    }

    #[test]
    fn the_newest_entry_that_has_taken_effect_holds() {
        let a = Service::of("a");
        assert_eq!(speech(a, "2025-12-31T23:59:59Z"), None);
        assert_eq!(speech(a, "2026-01-01T00:00:00Z"), Some(10));
        assert_eq!(speech(a, "2026-02-28T23:59:59Z"), Some(10));
        assert_eq!(speech(a, "2026-03-01T00:00:00Z"), Some(30));
        assert_eq!(speech(Service::of("b"), "2026-03-31T00:00:00Z"), None);
    }

    #[test]
    fn a_model_without_a_price_of_its_own_has_the_one_for_all() {
        let m = Service::of("a").with_model("m");
        assert_eq!(speech(m, "2026-01-15T00:00:00Z"), Some(10));
        assert_eq!(speech(m, "2026-03-15T00:00:00Z"), Some(20));
        assert_eq!(speech(Service::of("a").with_model("n"), "2026-03-15T00:00:00Z"), Some(30));
    }

    #[test]
    fn the_day_of_the_newest_price_is_known_and_a_missing_one_named() {
        let ai = Service::of("a");
        let services = CallServices { carrier: "c", transcription: ai, speech: ai, model: ai };
        let at = "2026-11-20T00:00:00Z".parse().unwrap();
        assert_eq!(book().prices(&services, at).unwrap().effective, civil::date(2026, 3, 1));
        let error = book().prices(&CallServices { carrier: "d", ..services }, at).unwrap_err();
        assert_eq!(error.field(), Some("carrier"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |change: fn(&mut PriceBook)| {
            let mut book = book();
            book.validate().unwrap();
            change(&mut book);
            book.validate().unwrap_err().field().unwrap().to_owned()
        };
        assert_eq!(wrong(|book| book.carrier[0].price.per_call = Money::from_micros(-1)), "carrier[0].price.per_call");
        assert_eq!(wrong(|book| book.carrier[0].model = Some("m".into())), "carrier[0].model");
        assert_eq!(wrong(|book| book.speech[2].model = Some(" ".into())), "speech[2].model");
        assert_eq!(wrong(|book| book.model[0].provider = String::new()), "model[0].provider");
        assert_eq!(wrong(|book| book.speech.push(book.speech[0].clone())), "speech[4].from");
        assert_eq!(
            wrong(|book| book.transcription[0].price.increment = std::time::Duration::ZERO),
            "transcription[0].price.increment_ms"
        );
    }

    #[test]
    fn a_misspelt_price_is_refused_and_a_book_reads_back_as_it_was_written() {
        let text = r#"{ "carrier": [{ "provider": "c", "from": "2026-01-01", "price": { "per_hour": 1 } }] }"#;
        assert!(serde_json::from_str::<PriceBook>(text).is_err());
        let json = serde_json::to_string(&book()).unwrap();
        assert_eq!(serde_json::from_str::<PriceBook>(&json).unwrap(), book());
    }
}
