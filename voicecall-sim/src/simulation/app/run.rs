//! One run, from the first call to the report.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};
use url::Url;
use voicecall_core::Clock;
use voicecall_core::carrier::IncomingCall;
use voicecall_core::{Error, ErrorKind, PhoneNumber, Result};
use voicecall_engine::{CallEngine, CarrierAccount, LiveEvent, Observer};

use super::agent::Services;
use super::{Application, CallerReport, OURS, Party, SimulatedParts, Simulation, SimulationReport, THEIRS};
use crate::caller::ScriptedCaller;
use crate::carrier::{CarrierOptions, SimCarrier};
use crate::labels::Labels;
use crate::phone::{LineRecording, Recorded};
use crate::scenario::{Caller, Expect, Latency, Model, Scenario};

/// How often it is looked whether calls are over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long calls may go on when everything else is done, which they are not by then.
const DRAIN: Duration = Duration::from_secs(60);

/// Keeps what the engine tells.
#[derive(Debug, Default)]
struct Events(Mutex<Vec<LiveEvent>>);

impl Observer for Events {
    fn observe(&self, event: &LiveEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}

pub(super) fn run<A, F, Fut>(simulation: Simulation<A>, act: F) -> Result<SimulationReport>
where
    A: Application,
    F: FnOnce(A::Handle) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let failed = |error| Error::new(ErrorKind::Internal, "start runtime").with_source(error);
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().map_err(failed)?;
    runtime.block_on(async {
        let limit = simulation.limit;
        let ran = timeout(limit, go(simulation, act)).await;
        ran.unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "run simulation")))
    })
}

async fn go<A, F, Fut>(simulation: Simulation<A>, act: F) -> Result<SimulationReport>
where
    A: Application,
    F: FnOnce(A::Handle) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let Simulation { app, model, callers, colleagues, latency, faults, converse, .. } = simulation;
    let clock = Clock::from(jiff::Timestamp::now());
    let labels = Labels::new();
    let services = Services::new(model, latency, &faults, labels.clone());
    let seed = faults.seed;
    let mut options = CarrierOptions::new(faults);
    (options.clock, options.speech) = (clock, Some(labels.clone()));
    let carrier = SimCarrier::new(options);
    for (number, colleague) in colleagues {
        carrier.colleague(number.parse().map_err(|error: Error| error.with_field("colleague"))?, colleague);
    }
    let public_url: Url = "https://simulation.example"
        .parse()
        .map_err(|error| Error::new(ErrorKind::Internal, "read address").with_source(error))?;
    let parts = SimulatedParts {
        carrier: Arc::clone(&carrier),
        agent: Arc::new(services.agent()),
        public_url,
        clock,
        number: OURS.parse()?,
        converse,
    };
    let (engine, handle) = app.build(parts)?;
    let events = Arc::new(Events::default());
    engine.add_observer(Arc::<Events>::clone(&events));
    carrier.serve(Some(Arc::new(Arc::clone(&engine))));
    engine.recover().await?;
    let background = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.run_background().await }
    });
    let people = Town { carrier: &carrier, engine: &engine, labels: &labels, seed };
    let callers: Result<Vec<CallerReport>> =
        callers.into_iter().map(|(party, caller)| people.add(party, caller)).collect();
    let done = async {
        act(handle).await?;
        while carrier.calls().iter().any(|call| call.ended_at.is_none()) || engine.count() != (0, 0) {
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    let ended = match &callers {
        Ok(_) => done.await,
        Err(_) => Ok(()),
    };
    engine.shutdown(DRAIN).await;
    background.await.map_err(|error| Error::new(ErrorKind::Internal, "run engine").with_source(error))?;
    carrier.serve(None);
    if let Some(what) = services.unanswered() {
        return Err(Error::config("model", what));
    }
    ended?;
    report(callers?, &events, &engine, &carrier, &services).await
}

/// Where the people live.
struct Town<'a> {
    carrier: &'a SimCarrier,
    engine: &'a CallEngine,
    labels: &'a Labels,
    seed: u64,
}

impl Town<'_> {
    /// Puts somebody behind their number, or has them call.
    fn add(&self, party: Party, caller: Caller) -> Result<CallerReport> {
        let scenario = Scenario {
            name: "simulation".to_owned(),
            seed: self.seed,
            caller,
            messages: Vec::new(),
            model: Model::default(),
            latency: Latency::default(),
            expect: Expect::default(),
            faults: Vec::new(),
        };
        let person = ScriptedCaller::with_labels(&scenario, self.labels)?;
        let (log, line) = (person.log(), LineRecording::default());
        let person = Box::new(Recorded::new(Box::new(person), line.clone()));
        match party {
            Party::Answers(number) => {
                let number: PhoneNumber = number.parse().map_err(|error: Error| error.with_field("answering"))?;
                self.carrier.answered_by(number, person);
            }
            Party::Calls(call) => {
                let call = call.map_or_else(|| self.any_call(), |call| Ok(*call))?;
                let account = self.account_of(&call)?;
                let config = self.engine.config();
                let (answer, status) =
                    (config.incoming_url(account.name())?, config.incoming_status_url(account.name())?);
                self.carrier.call_in(call, &answer, &status, Some(person))?;
            }
        }
        Ok(CallerReport { log, line })
    }

    /// A call to the application's first number.
    fn any_call(&self) -> Result<IncomingCall> {
        let number = self.engine.accounts().iter().flat_map(CarrierAccount::numbers).next().cloned();
        let to = number.map_or_else(|| OURS.parse(), Ok)?;
        let from: PhoneNumber = THEIRS.parse()?;
        Ok(IncomingCall::new(to.into()).with_from(Some(from.into())))
    }

    /// The account whose number is called; the first one if it is nobody's.
    fn account_of(&self, call: &IncomingCall) -> Result<CarrierAccount> {
        let has = |account: &CarrierAccount| call.to.as_phone().is_some_and(|to| account.numbers().contains(to));
        let mut accounts = self.engine.accounts();
        let its = accounts.iter().position(has).unwrap_or(0);
        accounts.truncate(its + 1);
        accounts.pop().ok_or_else(|| Error::config("carrier", "an account"))
    }
}

async fn report(
    callers: Vec<CallerReport>,
    events: &Events,
    engine: &CallEngine,
    carrier: &SimCarrier,
    services: &Services,
) -> Result<SimulationReport> {
    let events = events.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut known = HashSet::new();
    let mut sessions = Vec::new();
    for event in events.iter().filter(|event| known.insert(event.session)) {
        sessions.push(engine.store().session(event.tenant, event.session).await?);
    }
    Ok(SimulationReport { callers, sessions, events, asked: services.asked(), calls: carrier.calls() })
}
