//! The server put together: store, carrier, agent, handler, routes and jobs.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn;
use tokio::net::TcpListener;
use voicecall::Clock;
use voicecall::agent::Cascade;
use voicecall::engine::EngineConfig;
use voicecall::model::{Breaker, LanguageModel, ServiceHealth, SpeechCache, SpeechToText, TextToSpeech};
use voicecall::openai::{OpenAiChat, OpenAiSpeech, OpenAiTranscription};
use voicecall::server::{self, ServeOptions};
use voicecall::sqlite::{SqliteOptions, SqliteSurvey};
use voicecall::store::{CallsWithin, ContactLimits, check_keys};
use voicecall::{ContentSeal, Result, RunningServer, Server};

use crate::api::{self, SimulatedVoice, Tokens};
use crate::carriers::{self, Carrier};
use crate::choice::Chooser;
use crate::jobs::Dependencies;
use crate::monitor::Monitor;
use crate::recordings::Recordings;
use crate::seed::{DEMO, Seed};
use crate::service::Feedback;
use crate::settings::{self, Problems, Settings};
use crate::simulator::{Order, Simulator};
use crate::store::{BusinessStore, OperatorStore};
use crate::verification::StoredVerifications;
use crate::{announcement, dashboard, invitation, jobs};

/// How long live calls may go on after the server was told to stop: longer than an interview.
const DRAIN: Duration = Duration::from_secs(150);

/// The services calls are made with.
#[derive(Debug)]
pub(crate) struct Services {
    /// The preferred one first.
    pub(crate) carriers: Vec<Carrier>,
    pub(crate) ears: Arc<dyn SpeechToText>,
    pub(crate) model: Arc<dyn LanguageModel>,
    pub(crate) voice: Arc<dyn TextToSpeech>,
    /// Absent for real ones.
    pub(crate) simulated_voice: Option<SimulatedVoice>,
}

impl Services {
    /// Real ones, with keys from the environment; `None` with a problem for each variable that is missing or wrong.
    fn from_env(problems: &mut Problems) -> Option<Self> {
        let (carriers, ears) = (carriers::from_env(problems), problems.take(OpenAiTranscription::from_env()));
        let (model, voice) = (problems.take(OpenAiChat::from_env()), problems.take(OpenAiSpeech::from_env()));
        Some(Self {
            carriers: carriers?,
            ears: Arc::new(ears?),
            model: Arc::new(model?),
            voice: Arc::new(voice?),
            simulated_voice: None,
        })
    }
}

/// When the carrier ends a call by itself: an interview takes two minutes.
const LONGEST_CALL: Duration = Duration::from_secs(240);

/// A running server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Arc<dyn BusinessStore>,
    pub(crate) tokens: Tokens,
    pub(crate) server: RunningServer,
    monitor: Monitor,
}

impl App {
    /// Starts serving on `listener`. When it is told to stop, calls may go on for `drain`.
    ///
    /// # Errors
    /// When the configuration is wrong or the store cannot be opened.
    pub(crate) async fn start(
        settings: &Settings,
        services: Services,
        listener: TcpListener,
        seed: &Seed,
        drain: Duration,
    ) -> Result<Self, Box<dyn Error>> {
        let vault = Arc::new(settings.vault()?);
        let seal = settings.content_seal(&vault);
        let options = SqliteOptions::new().seal(seal.clone()).extension(SqliteSurvey);
        let operator: Arc<dyn OperatorStore> = Arc::new(options.open(&settings.database).await?);
        // Before anything is written: what another key seals or indexes is lost to this one.
        check_keys(&*operator, &vault).await.map_err(by_variable)?;
        let store: Arc<dyn BusinessStore> = Arc::<dyn OperatorStore>::clone(&operator);
        seed.plant(&*store, &vault).await?;
        let Services { carriers, ears, model, voice, simulated_voice } = services;
        // All that asks a service shares what is known of it, calls and jobs alike.
        let health = ["transcription", "chat", "speech"].map(ServiceHealth::new);
        let [heard, thought, spoken] = health.clone();
        let ears = Arc::new(Breaker::new(ears, heard));
        let model: Arc<dyn LanguageModel> = Arc::new(Breaker::new(model, thought));
        let voice = Arc::new(Breaker::new(voice, spoken));
        let speech = Arc::new(SpeechCache::new(voice));
        let chooser = Arc::new(Chooser::new(Arc::clone(&store)));
        let agent = Arc::new(Cascade::new(ears, Arc::clone(&model), Arc::<SpeechCache>::clone(&speech)));
        let announcements = announcement::route(Arc::clone(&speech));
        let service = Feedback::new(Arc::clone(&store), agent, speech, Arc::clone(&chooser), settings.calls);
        let server = Server::builder()
            .accounts(carriers::accounts(carriers, settings.calls_per_second)?)
            .configure_numbers(settings.configures_numbers)
            .handler(Arc::new(service))
            .store(Arc::<dyn OperatorStore>::clone(&operator))
            .vault(Arc::clone(&vault))
            .public_url(settings.public_url.as_str())
            .configure(engine_settings(settings, seal.clone(), health.into()))
            .options(serve_options(settings))
            .map_router(|router| router.layer(from_fn(api::name_request)))
            .drain(drain)
            .build()?;
        let engine = Arc::clone(server.engine());
        let monitor = Monitor::start(&engine).await?;
        let dependencies = Dependencies {
            store: Arc::clone(&operator),
            engine: Arc::clone(&engine),
            recordings: Recordings::new(&settings.recordings, seal),
            model,
            clock: Clock::system(),
            policy: settings.retention,
        };
        let verifications = Arc::new(StoredVerifications(Arc::clone(&store)));
        let state =
            api::State::new(settings, operator, Arc::clone(&engine), verifications, vault, chooser, simulated_voice);
        let server = server.routes(api::routes(&state)?).routes(dashboard::routes()).routes(announcements);
        let server =
            server.background(jobs::summaries(&engine, dependencies.clone())).background(jobs::retention(dependencies));
        let server = server.start_on(listener).await?;
        Ok(Self { store, tokens: settings.tokens(), server, monitor })
    }

    /// Goes on until `stop` is done, then takes no more calls, lets the live ones end, and stops serving.
    ///
    /// # Errors
    /// When serving failed.
    pub(crate) async fn run_until(self, stop: impl Future<Output = ()>) -> Result<()> {
        let ended = self.server.run_until(stop).await;
        self.monitor.stop().await;
        ended
    }
}

fn within_days(calls: u32, days: u64) -> CallsWithin {
    CallsWithin { calls, within: Duration::from_secs(days * 24 * 3600) }
}

/// A key that does not fit, by the name of its variable.
fn by_variable(error: voicecall::Error) -> voicecall::Error {
    let message = error.message().unwrap_or_default().to_owned();
    match error.field() {
        Some("data keys") => voicecall::Error::config("DATA_KEYS", message),
        Some("index key") => voicecall::Error::config("INDEX_KEY", message),
        _ => error,
    }
}

fn engine_settings(
    settings: &Settings,
    seal: ContentSeal,
    services: Vec<ServiceHealth>,
) -> impl FnOnce(&mut EngineConfig) + Send + use<> {
    let recordings = settings.recordings.clone();
    let (hours, calls_per_day) = (settings.hours.clone(), settings.tenant_calls_per_day);
    let exchange_rates = settings.exchange_rates.clone();
    move |config| {
        config.status_path = "api/calls/webhooks/telephony".to_owned();
        config.rules.time_limit = LONGEST_CALL;
        config.rules.hours = hours;
        config.services = services;
        config.rules.exchange_rates = exchange_rates;
        config.rules.contact_limits = ContactLimits {
            per_number: vec![within_days(3, 1), within_days(10, 30)],
            per_tenant: vec![within_days(calls_per_day, 1)],
        };
        config.recordings = Some(recordings);
        config.seal = seal;
        config.rules.farewell = announcement::farewell(&config.public_url);
    }
}

fn serve_options(settings: &Settings) -> ServeOptions {
    let mut options = ServeOptions::default();
    options.trusted_proxies = settings.trusted_proxies.clone();
    options
}

/// Serves real calls until the process is told to stop.
///
/// # Errors
/// Every variable that is missing or wrong, at once; when the address cannot be used.
pub(crate) async fn serve() -> Result<(), Box<dyn Error>> {
    let mut problems = Problems::default();
    let settings = Settings::read(&mut problems);
    let services = Services::from_env(&mut problems);
    let seed = problems.take(settings::optional("SEED_PATH").map(|path| Seed::load(path.as_ref())).transpose());
    Monitor::check(&mut problems);
    problems.check()?;
    let (Some(settings), Some(services)) = (settings, services) else { return Ok(()) };
    let listener = server::listen("LISTEN", &settings.listen).await?;
    let seed = seed.flatten().unwrap_or(Seed { business: Vec::new() });
    // Asked for before the first call can come.
    let stop = server::told_to_end();
    let app = App::start(&settings, services, listener, &seed, DRAIN).await?;
    invitation::of_real(&app, &seed);
    Ok(app.run_until(stop).await?)
}

/// Serves calls to simulated customers until the process is told to stop.
///
/// # Errors
/// When the address cannot be used, or the simulator does not start.
pub(crate) async fn serve_simulated() -> Result<(), Box<dyn Error>> {
    // The same at each start, so that a dashboard that is open goes on working.
    let settings = Settings::simulated(PathBuf::from("out"), "127.0.0.1:8080")?;
    let listener = server::listen("LISTEN", &settings.listen).await?;
    let (public, local) = (settings.public_url.clone(), listener.local_addr()?);
    let order = Order { public, local, scenario: "happy".to_owned(), fail_primary: false };
    let simulator = Simulator::start(&order).await?;
    let (services, seed) = (simulator.services(&settings)?, Seed::parse(DEMO)?);
    let stop = server::told_to_end();
    let app = App::start(&settings, services, listener, &seed, DRAIN).await?;
    invitation::of_simulated(&app, &seed, &settings.vault()?).await?;
    Ok(app.run_until(stop).await?)
}
