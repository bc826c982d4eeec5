//! Money in the call path: what things cost, what a call has cost so far, and how much it may cost.
//!
//! Amounts are whole millionths of a US dollar. Prices are data: a [`PriceBook`] holds them with the day from which
//! they hold, [`PriceBook::prices`] picks those of one call, a [`CostMeter`] adds up what the call uses, and a
//! [`Budget`] ends it, with a spoken goodbye, before it costs more than it may.

mod amount;
mod book;
mod budget;
mod cost;
mod destination;
mod meter;
mod prices;

pub use amount::Money;
pub use book::{CallServices, PriceBook, PriceEntry, Service};
pub use budget::Budget;
pub use cost::Cost;
pub use destination::DestinationPrices;
pub use meter::CostMeter;
pub use prices::{CallPrices, CarrierPrice, ModelPrice, Price, SoundPrice, SpeechPrice, TranscriptionPrice};
