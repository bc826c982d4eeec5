//! A whole application in virtual time: its own handlers, dialogues and tools, the real engine and call machine, and
//! around them a carrier, people and AI services that open no socket.

mod agent;
mod report;
mod run;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use voicecall_core::Clock;
use voicecall_core::agent::VoiceAgent;
use voicecall_core::carrier::{ConverseSettings, IncomingCall};
use voicecall_core::{Error, PhoneNumber, Result};
use voicecall_engine::CallEngine;

pub use report::{CallerReport, SimulationReport};

use crate::carrier::{Colleague, SimCarrier};
use crate::fault::FaultPlan;
use crate::openai::ScriptedLlm;
use crate::scenario::{Caller, Latency, Scenario};

/// The number of an application that names none, and of people who call it.
const OURS: &str = "+46700000001";
const THEIRS: &str = "+46701740605";

/// What an application runs on while it is simulated, in the place of its carrier, its AI services and the time of day.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SimulatedParts {
    /// The carrier of all its accounts.
    pub carrier: Arc<SimCarrier>,
    /// Who listens, thinks and speaks.
    pub agent: Arc<dyn VoiceAgent>,
    /// Where the carrier reaches it.
    pub public_url: Url,
    /// The time of day.
    pub clock: Clock,
    /// The number of an application that has none of its own.
    pub number: PhoneNumber,
    /// How the carrier hears and speaks, if calls are to be [conducted in text](Simulation::converse).
    pub converse: Option<ConverseSettings>,
}

/// What can be simulated: `voicecall::ServerBuilder` with the feature `sim`, or a function that puts an engine together
/// from the parts it is given.
pub trait Application {
    /// What a test does things with while the application runs.
    type Handle;

    /// Puts the application together. Nothing runs yet.
    ///
    /// # Errors
    /// What is missing or wrong.
    fn build(self, parts: SimulatedParts) -> Result<(Arc<CallEngine>, Self::Handle)>;
}

impl<F: FnOnce(SimulatedParts) -> Result<Arc<CallEngine>>> Application for F {
    type Handle = Arc<CallEngine>;

    fn build(self, parts: SimulatedParts) -> Result<(Arc<CallEngine>, Arc<CallEngine>)> {
        let engine = self(parts)?;
        Ok((Arc::clone(&engine), engine))
    }
}

/// One run of a whole application, with people who call it or are called by it.
///
/// Time is virtual: it jumps to the next thing that happens, so minutes of call and days of waiting take moments. What
/// the application waits for must therefore be timers and the simulated parts; while it waits for a real network or
/// another process, virtual time runs away. Speech is [labelled](crate::labels): any text in any language can be said.
///
/// ```
/// use std::sync::Arc;
/// use voicecall_core::dialogue::LlmDialogue;
/// use voicecall_core::store::{MemoryStore, Session};
/// use voicecall_core::{TenantId, Vault, async_trait};
/// use voicecall_engine::{CallEngine, CallHandler, CallOutcome, CallPlan, CarrierAccount, EngineConfig, PlanRequest};
/// use voicecall_engine::IncomingDecision;
/// use voicecall_core::carrier::IncomingCall;
/// use voicecall_core::agent::VoiceAgent;
/// use voicecall_sim::openai::ScriptedLlm;
/// use voicecall_sim::scenario::Caller;
/// use voicecall_sim::simulation::{SimulatedParts, Simulation};
///
/// #[derive(Debug)]
/// struct Bakery(Arc<dyn VoiceAgent>);
///
/// #[async_trait]
/// impl CallHandler for Bakery {
///     # async fn tenant_of(&self, _: voicecall_core::AccountName, _: &IncomingCall) -> voicecall_core::Result<Option<TenantId>> {
///     #     Ok(Some(TenantId::new()))
///     # }
///     async fn incoming(&self, _: &IncomingCall, session: &Session) -> voicecall_core::Result<IncomingDecision> {
///         let dialogue = LlmDialogue::new("You answer the phone of a bakery.").greeting("Hello!");
///         Ok(IncomingDecision::connect(CallPlan::new(session.id, Arc::clone(&self.0), Box::new(dialogue))))
///     }
///     # async fn plan(&self, _: &PlanRequest) -> voicecall_core::Result<CallPlan> { unreachable!() }
///     # async fn finished(&self, _: &CallOutcome) {}
/// }
///
/// let app = |parts: SimulatedParts| {
///     let mut config = EngineConfig::new(parts.public_url);
///     config.clock = parts.clock;
///     let account = CarrierAccount::of(parts.carrier)?.number(parts.number);
///     let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate()?));
///     CallEngine::new(config, store, account, Arc::new(Bakery(parts.agent)), vault)
/// };
/// let report = Simulation::new(app)
///     .model(ScriptedLlm::new(["On Sunday from eight to two."]))
///     .caller(Caller::says(["When are you open on Sunday?"]))
///     .run()?;
/// assert_eq!(report.heard(), "Hello! On Sunday from eight to two.");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
pub struct Simulation<A> {
    app: A,
    model: Option<ScriptedLlm>,
    callers: Vec<(Party, Caller)>,
    colleagues: Vec<(String, Colleague)>,
    latency: Latency,
    faults: FaultPlan,
    limit: Duration,
    converse: Option<ConverseSettings>,
}

/// How somebody takes part.
#[derive(Debug)]
enum Party {
    /// They call, from the default number unless it is said how.
    Calls(Option<Box<IncomingCall>>),
    /// They answer this number.
    Answers(String),
}

impl<A: fmt::Debug> fmt::Debug for Simulation<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("app", &self.app).field("callers", &self.callers).finish_non_exhaustive()
    }
}

impl<A: Application> Simulation<A> {
    /// A run of `app`, in which nothing happens yet.
    #[must_use]
    pub fn new(app: A) -> Self {
        let faults = FaultPlan { seed: 1, rules: Vec::new() };
        let limit = Duration::from_secs(24 * 3600);
        Self {
            app,
            model: None,
            callers: Vec::new(),
            colleagues: Vec::new(),
            latency: Latency::default(),
            faults,
            limit,
            converse: None,
        }
    }

    /// Has calls conducted in text, in which the carrier hears and speaks: those of all accounts, whatever they say
    /// themselves. It speaks and understands any language, and of `how` only what is announced and what interrupts counts.
    #[must_use]
    pub fn converse(mut self, how: ConverseSettings) -> Self {
        self.converse = Some(how);
        self
    }

    /// What the language model answers. Without it, an application that asks one fails the run.
    #[must_use]
    pub fn model(mut self, model: ScriptedLlm) -> Self {
        self.model = Some(model);
        self
    }

    /// Somebody who calls the application as soon as it runs.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.callers.push((Party::Calls(None), caller));
        self
    }

    /// Somebody who calls as `call` says: from another number or from none, to one of several numbers.
    #[must_use]
    pub fn caller_of(mut self, call: IncomingCall, caller: Caller) -> Self {
        self.callers.push((Party::Calls(Some(Box::new(call))), caller));
        self
    }

    /// Somebody who is there when the application calls `number` (E.164). Several answer one call each, in turn; a call to
    /// any other number is answered by somebody silent.
    #[must_use]
    pub fn answering(mut self, number: impl Into<String>, caller: Caller) -> Self {
        self.callers.push((Party::Answers(number.into()), caller));
        self
    }

    /// What somebody does at `number` (E.164) to whom the application transfers a call and who hears of it first; whoever is not
    /// named takes it.
    #[must_use]
    pub fn colleague(mut self, number: impl Into<String>, colleague: Colleague) -> Self {
        self.colleagues.push((number.into(), colleague));
        self
    }

    /// Everything a scenario says: its person, model, latencies, faults and seed. A person who does not call is there when
    /// the application calls +46701740605.
    #[must_use]
    pub fn scenario(mut self, scenario: &Scenario) -> Self {
        let party = if scenario.caller.calls { Party::Calls(None) } else { Party::Answers(THEIRS.to_owned()) };
        self.callers.push((party, scenario.caller.clone()));
        self.model = Some(ScriptedLlm::of(scenario));
        self.latency = scenario.latency.clone();
        self.faults = scenario.fault_plan();
        self
    }

    /// How slow the AI services are.
    #[must_use]
    pub const fn latency(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// What goes wrong, and the seed of everything that is drawn by chance.
    #[must_use]
    pub fn faults(mut self, faults: FaultPlan) -> Self {
        self.faults = faults;
        self
    }

    /// How long the run may last, in virtual time; a day if not said.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the application until every call is over.
    ///
    /// # Errors
    /// As [`run_with`](Self::run_with).
    pub fn run(self) -> Result<SimulationReport> {
        self.run_with(async |_| Ok(()))
    }

    /// Runs the application, does `act` with its handle, such as placing calls, and goes on until that is done and every
    /// call is over.
    ///
    /// # Errors
    /// `Config` naming `model` if the model was asked what no script answers, or `runtime` within an async runtime: the
    /// simulation brings its own; `Invalid` naming a number that is none; `Timeout` at the limit; what building the
    /// application, recovering and `act` report.
    pub fn run_with<F, Fut>(self, act: F) -> Result<SimulationReport>
    where
        F: FnOnce(A::Handle) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(Error::config(
                "runtime",
                "a test that is not async: the simulation brings a runtime of its own",
            ));
        }
        run::run(self, act)
    }
}
