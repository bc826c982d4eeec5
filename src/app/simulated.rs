//! A server that is simulated: the carrier, the AI services and the time of day are given to it.

use std::sync::Arc;

use voicecall_core::Result;
use voicecall_core::carrier::VoiceBackend;
use voicecall_engine::{CallEngine, CarrierAccount};
use voicecall_sim::simulation::{Application, SimulatedParts};

use super::{Calls, ServerBuilder};

/// The same configuration, with simulated parts in the place of its carriers, its agent, its public address and its
/// clock. Its accounts keep their names, numbers and pace, and are conducted in text if they say so themselves or the simulation does;
/// those of a file, which need keys, are left out. An agent that a call brings itself, and those of an application
/// with its own handler, stay as they are.
impl Application for ServerBuilder {
    type Handle = Calls;

    fn build(mut self, parts: SimulatedParts) -> Result<(Arc<CallEngine>, Calls)> {
        let carrier = || Arc::<voicecall_sim::carrier::SimCarrier>::clone(&parts.carrier) as Arc<dyn VoiceBackend>;
        self.accounts_file = None;
        if self.accounts.is_empty() {
            self.accounts.push(CarrierAccount::of(carrier()));
        }
        let simulated = |account: CarrierAccount| {
            let account = account.with_backend(carrier());
            let account = parts.converse.iter().cloned().fold(account, CarrierAccount::converse);
            if account.numbers().is_empty() { account.number(parts.number.clone()) } else { account }
        };
        self.accounts = self.accounts.into_iter().map(|account| account.map(simulated)).collect();
        if self.handler.is_none() {
            self.agent = Some(parts.agent);
        }
        self.public_url = Some(parts.public_url.into());
        let configure = self.configure.take();
        self.configure = Some(Box::new(move |config| {
            if let Some(configure) = configure {
                configure(config);
            }
            config.clock = parts.clock;
        }));
        let server = Self::build(self)?;
        Ok((Arc::clone(server.engine()), server.calls()))
    }
}
