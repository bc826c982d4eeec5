//! Several tenants on one engine: each call has the agent, voice and language of whoever's number was called.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

use std::sync::{Arc, Mutex};

use voicecall::agent::{AgentSession, AgentSetup, VoiceAgent};
use voicecall::carrier::IncomingCall;
use voicecall::dialogue::LlmDialogue;
use voicecall::engine::{
    CallEngine, CallHandler, CallOutcome, CallPlan, CarrierAccount, EngineConfig, IncomingDecision, PlanRequest,
};
use voicecall::sim::openai::ScriptedLlm;
use voicecall::sim::scenario::{Caller, Rule};
use voicecall::sim::simulation::{SimulatedParts, Simulation};
use voicecall::store::{MemoryStore, Session};
use voicecall::{AccountName, Address, Error, ErrorKind, PhoneNumber, Result, TenantId, Vault, async_trait};

/// An agent that notes for what calls it is asked.
#[derive(Debug)]
struct NamedAgent {
    inner: Arc<dyn VoiceAgent>,
    opened: Mutex<Vec<AgentSetup>>,
}

#[async_trait]
impl VoiceAgent for NamedAgent {
    fn owns_turns(&self) -> bool {
        self.inner.owns_turns()
    }

    fn speaks_verbatim(&self) -> bool {
        self.inner.speaks_verbatim()
    }

    async fn open(&self, setup: &AgentSetup) -> Result<Box<dyn AgentSession>> {
        self.opened.lock().unwrap().push(setup.clone());
        self.inner.open(setup).await
    }
}

/// A tenant, with what is its own.
#[derive(Debug)]
struct Tenant {
    id: TenantId,
    number: PhoneNumber,
    agent: Arc<NamedAgent>,
    voice: &'static str,
    language: &'static str,
    greeting: &'static str,
}

#[derive(Debug)]
struct Platform(Vec<Tenant>);

impl Platform {
    fn tenant(&self, is_it: impl Fn(&Tenant) -> bool) -> Option<&Tenant> {
        self.0.iter().find(|tenant| is_it(tenant))
    }
}

#[async_trait]
impl CallHandler for Platform {
    async fn tenant_of(&self, _: AccountName, call: &IncomingCall) -> Result<Option<TenantId>> {
        Ok(self.tenant(|tenant| call.to == Address::from(tenant.number.clone())).map(|tenant| tenant.id))
    }

    async fn incoming(&self, _: &IncomingCall, session: &Session) -> Result<IncomingDecision> {
        let tenant = self.tenant(|tenant| tenant.id == session.tenant).unwrap();
        let dialogue = LlmDialogue::new(format!("You speak {}.", tenant.language)).greeting(tenant.greeting);
        let agent = Arc::<NamedAgent>::clone(&tenant.agent);
        let mut plan = CallPlan::new(session.id, agent, Box::new(dialogue));
        plan.setup.speech.voice = Some(tenant.voice.to_owned());
        plan.setup.speech.language = Some(tenant.language.to_owned());
        plan.setup.transcription.language = Some(tenant.language.to_owned());
        Ok(IncomingDecision::connect(plan))
    }

    async fn plan(&self, _: &PlanRequest) -> Result<CallPlan> {
        Err(Error::new(ErrorKind::NotFound, "plan call"))
    }

    async fn finished(&self, _: &CallOutcome) {}
}

#[test]
fn two_tenants_with_their_own_agents_voices_and_languages_talk_at_the_same_time() {
    const TENANTS: [(&str, &str, &str, &str); 2] = [
        ("+46700000001", "alma", "sv", "Bageriet, hur kan jag hjälpa dig?"),
        ("+33100000002", "camille", "fr", "La boulangerie, bonjour !"),
    ];
    let agents: Arc<Mutex<Vec<Arc<NamedAgent>>>> = Arc::default();
    let known = Arc::clone(&agents);
    let app = move |parts: SimulatedParts| {
        let tenants = TENANTS.map(|(number, voice, language, greeting)| {
            let agent = Arc::new(NamedAgent { inner: Arc::clone(&parts.agent), opened: Mutex::default() });
            known.lock().unwrap().push(Arc::clone(&agent));
            Tenant { id: TenantId::new(), number: number.parse().unwrap(), agent, voice, language, greeting }
        });
        let account = CarrierAccount::of(parts.carrier)?;
        let account = tenants.iter().fold(account, |account, tenant| account.number(tenant.number.clone()));
        let mut config = EngineConfig::new(parts.public_url);
        config.clock = parts.clock;
        let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate()?));
        CallEngine::new(config, store, account, Arc::new(Platform(tenants.into())), vault)
    };
    let call = |number: &str| {
        let to: PhoneNumber = number.parse().unwrap();
        IncomingCall::new(to.into())
    };
    let report = Simulation::new(app)
        .model(ScriptedLlm::new([
            Rule::says("Vi har öppet till sex.").when_caller_says("Hur länge"),
            Rule::says("Jusqu'à dix-huit heures.").when_caller_says("Jusqu'à quand"),
        ]))
        .caller_of(call(TENANTS[0].0), Caller::says(["Hur länge har ni öppet?"]))
        .caller_of(call(TENANTS[1].0), Caller::says(["Jusqu'à quand êtes-vous ouverts ?"]))
        .run()
        .unwrap();

    let heard: Vec<String> = report.callers.iter().map(|caller| caller.log.heard()).collect();
    assert_eq!(
        heard,
        [
            "Bageriet, hur kan jag hjälpa dig? Vi har öppet till sex.",
            "La boulangerie, bonjour ! Jusqu'à dix-huit heures.",
        ]
    );
    for (agent, (_, voice, language, _)) in agents.lock().unwrap().iter().zip(TENANTS) {
        let opened = agent.opened.lock().unwrap();
        let setup =
            |setup: &AgentSetup| (setup.speech.voice.clone().unwrap(), setup.transcription.language.clone().unwrap());
        assert_eq!(opened.iter().map(setup).collect::<Vec<_>>(), [(voice.to_owned(), language.to_owned())]);
    }
    let [first, second] = &report.calls[..] else { panic!("{:?}", report.calls) };
    assert!(first.answered_at < second.ended_at && second.answered_at < first.ended_at, "at the same time");
    let tenants: Vec<TenantId> = report.sessions.iter().map(|session| session.tenant).collect();
    assert_ne!(tenants[0], tenants[1]);
}
