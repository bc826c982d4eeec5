//! The carriers calls go through: each session by the first that is fit, by the next one if that refuses or is away.

use std::sync::Arc;

use jiff::Timestamp;
use voicecall::carrier::VoiceBackend;
use voicecall::elks46::ElksVoice;
use voicecall::engine::{CarrierAccount, Registry};
use voicecall::money::DestinationPrices;
use voicecall::twilio::TwilioVoice;
use voicecall::{Error, PhoneNumber, Result};

use crate::price;
use crate::settings::{self, Problems};

/// In which order carriers are preferred, if the environment does not say it.
const PREFERENCE: &str = "46elks,twilio";

/// A carrier that can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Elks46,
    Twilio,
}

/// Those that `CARRIERS` names, in its order.
///
/// # Errors
/// `Config` if it names another one.
pub(crate) fn preferred() -> Result<Vec<Kind>> {
    let names = settings::optional("CARRIERS").unwrap_or_else(|| PREFERENCE.to_owned());
    let kind = |name: &str| match name.trim() {
        "46elks" => Ok(Kind::Elks46),
        "twilio" => Ok(Kind::Twilio),
        _ => Err(Error::config("CARRIERS", "46elks, twilio or both, by commas, the preferred one first")),
    };
    names.split(',').map(kind).collect()
}

/// A carrier, and our number there.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub(crate) backend: Arc<dyn VoiceBackend>,
    pub(crate) number: PhoneNumber,
}

/// The preferred ones; `None` with a problem for each variable that is missing or wrong.
pub(crate) fn from_env(problems: &mut Problems) -> Option<Vec<Carrier>> {
    let kinds = problems.take(preferred())?;
    // Every one, so that all problems are told at once.
    let carriers: Vec<_> = kinds.into_iter().map(|kind| carrier(kind, problems)).collect();
    carriers.into_iter().collect()
}

fn carrier(kind: Kind, problems: &mut Problems) -> Option<Carrier> {
    // Each carrier names the first variable it lacks; these are looked for together.
    let (backend, number): (Option<Arc<dyn VoiceBackend>>, _) = match kind {
        Kind::Elks46 => {
            for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_WEBSOCKET_NUMBER"] {
                problems.take(settings::required(name));
            }
            (problems.take(ElksVoice::from_env()).map(|elks| Arc::new(elks) as _), number("ELKS_NUMBER"))
        }
        Kind::Twilio => {
            for name in ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"] {
                problems.take(settings::required(name));
            }
            (problems.take(TwilioVoice::from_env()).map(|twilio| Arc::new(twilio) as _), number("TWILIO_NUMBER"))
        }
    };
    let number = problems.take(number);
    Some(Carrier { backend: backend?, number: number? })
}

fn number(name: &'static str) -> Result<PhoneNumber> {
    PhoneNumber::parse(&settings::required(name)?)
        .map_err(|error| Error::config(name, "one of our numbers at the carrier, in E.164 form").with_source(error))
}

/// Their accounts, each given so many orders a second and charged by its own list.
///
/// # Errors
/// `Config` if the price list names no price of a carrier.
pub(crate) fn accounts(carriers: Vec<Carrier>, calls_per_second: f64) -> Result<Registry> {
    carriers.into_iter().try_fold(Registry::new(), |accounts, Carrier { backend, number }| {
        // Calls are only placed to countries of which the list tells the price.
        let prices = DestinationPrices::new().with("+", price::of_carrier(backend.name(), Timestamp::now())?);
        let account = CarrierAccount::of(backend)?.number(number).prices(prices);
        Ok(accounts.with(account.calls_per_second(calls_per_second)))
    })
}
