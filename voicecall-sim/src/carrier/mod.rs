//! A neutral carrier in one process, with the faults of a real one: it calls, and lets others call
//! ([`SimCarrier::call_in`]), asks, reports, and counts.
//!
//! [`SimCarrier`] is a [`VoiceBackend`](voicecall_core::carrier::VoiceBackend). It speaks no provider's protocol and
//! opens no socket: requests go to a [`Receiver`], which a [`CallEngine`](voicecall_engine::CallEngine) is, and
//! audio goes over [paired sockets](voicecall_core::testing::paired_socket). It runs in tokio's time: in a test with a
//! paused clock, hours of retries and thousands of calls take moments.
//!
//! What goes wrong is data ([`FaultPlan`](crate::fault::FaultPlan)), drawn from one seed: orders that are refused, lost
//! or whose answer is lost; requests and reports that come twice, late, in the wrong order or never; sockets that break
//! or fall silent; marks that do not return; outages; a queue of the carrier's own. The same seed gives the same run.
//!
//! What happened is known exactly ([`SimCarrier::calls`], [`SimCarrier::orders`]): how often a phone rang, how many
//! conversations took place, and when.
//!
//! A service that ends each call as soon as it is answered, tested over a carrier that delivers everything twice:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use voicecall_core::carrier::{CallFlow, CallStatus, PlaceCall, VoiceBackend, WebhookReply};
//! use voicecall_core::testing::{PairedSocket, SignedRequest};
//! use voicecall_core::{Result, async_trait};
//! use voicecall_sim::carrier::{CarrierOptions, Receiver, SimCarrier};
//! use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};
//!
//! #[derive(Debug)]
//! struct Service(Arc<SimCarrier>);
//!
//! #[async_trait]
//! impl Receiver for Service {
//!     async fn request(&self, request: &SignedRequest) -> Result<Option<WebhookReply>> {
//!         let event = request.with(|request| self.0.webhook(request))?;
//!         event.kind.asks().then(|| self.0.reply(&CallFlow::farewell("Goodbye.", "en-US"))).transpose()
//!     }
//!
//!     async fn connect(&self, _: &SignedRequest, _: PairedSocket) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<()> {
//! let twice = FaultRule::always(Site::WebhookVoice, Fault::Duplicate { times: 1 });
//! let carrier = SimCarrier::new(CarrierOptions::new(FaultPlan::new(7, vec![twice])?));
//! carrier.serve(Some(Arc::new(Service(Arc::clone(&carrier)))));
//!
//! let url = |path: &str| format!("https://calls.example/{path}").parse().expect("an address");
//! let order = PlaceCall::new("+46701234567".parse()?, "+46700000000".parse()?, url("answer"), url("status"));
//! carrier.place(&order).await?;
//! tokio::time::sleep(Duration::from_secs(60)).await;
//!
//! let call = &carrier.calls()[0];
//! assert_eq!((call.status, call.said.as_slice()), (CallStatus::Completed, &["Goodbye.".to_owned()][..]));
//! assert_eq!(carrier.contradictions(), 0, "both deliveries got the same answer");
//! carrier.serve(None);
//! # Ok(())
//! # }
//! ```

mod backend;
mod break_off;
mod delivery;
mod dial;
mod exchange;
mod handset;
mod line;
mod options;
mod party_phone;
mod people;
mod phone;
mod receiver;
mod record;
mod step;
mod text_phone;
mod wire;

pub use exchange::SimCarrier;
pub use options::{CarrierOptions, Outage};
pub use people::{Colleague, People, Person, Reaction};
pub use receiver::Receiver;
pub use record::{Break, SimCall, SimOrder};
