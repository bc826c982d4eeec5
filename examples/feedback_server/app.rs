//! The server put together: store, carrier, agent, engine, routes; started, and stopped without dropping a call.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use voicecall::agent::Cascade;
use voicecall::carrier::VoiceBackend;
use voicecall::engine::{CallEngine, CarrierAccount, Clock, EngineConfig};
use voicecall::model::{LanguageModel, SpeechToText, TextToSpeech};
use voicecall::openai::{OpenAiChat, OpenAiSpeech, OpenAiTranscription};
use voicecall::server::{self, ServeOptions};
use voicecall::sqlite::{SqliteOptions, SqliteSurvey};
use voicecall::store::EngineStore;
use voicecall::twilio::TwilioVoice;
use voicecall::{Result, TenantId, Vault};

use crate::api::{self, Tokens};
use crate::choice::Chooser;
use crate::dashboard;
use crate::jobs::{Jobs, Means};
use crate::monitor::Monitor;
use crate::recordings::Recordings;
use crate::seed::{DEMO, Seed};
use crate::service::Feedback;
use crate::settings::{Settings, optional};
use crate::simulator::Simulator;
use crate::store::{BusinessStore, OperatorStore};
use crate::verification::StoredVerifications;
use crate::voices::Voices;

/// How long live calls may go on after the server was told to stop: longer than an interview.
const DRAIN: Duration = Duration::from_secs(150);

/// The services calls are made with.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) carrier: Arc<dyn VoiceBackend>,
    pub(crate) ears: Arc<dyn SpeechToText>,
    pub(crate) model: Arc<dyn LanguageModel>,
    pub(crate) voice: Arc<dyn TextToSpeech>,
}

impl Services {
    /// Real ones, with keys from the environment.
    ///
    /// # Errors
    /// `Config` naming the variable that is missing or wrong.
    fn from_env() -> Result<Self> {
        Ok(Self {
            carrier: Arc::new(TwilioVoice::from_env()?),
            ears: Arc::new(OpenAiTranscription::from_env()?),
            model: Arc::new(OpenAiChat::from_env()?),
            voice: Arc::new(OpenAiSpeech::from_env()?),
        })
    }
}

/// When the carrier ends a call by itself: an interview takes two minutes.
const LONGEST_CALL: Duration = Duration::from_secs(240);

/// A running server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn BusinessStore>,
    pub(crate) engine: Arc<CallEngine>,
    pub(crate) tokens: Tokens,
    service: Arc<Feedback>,
    monitor: Monitor,
    jobs: Jobs,
    tended: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<()>>,
}

impl App {
    /// Starts serving on `listener`.
    ///
    /// # Errors
    /// When the configuration is wrong or the store cannot be opened.
    pub(crate) async fn start(
        settings: &Settings,
        services: Services,
        listener: TcpListener,
        seed: &Seed,
    ) -> Result<Self, Box<dyn Error>> {
        let address = listener.local_addr()?;
        let vault = Arc::new(settings.vault()?);
        let tokens = settings.tokens()?;
        let options = SqliteOptions::new().extension(SqliteSurvey);
        let operator: Arc<dyn OperatorStore> = Arc::new(options.open(&settings.database).await?);
        let store: Arc<dyn BusinessStore> = Arc::<dyn OperatorStore>::clone(&operator);
        seed.plant(&*store, &vault).await?;
        let voices = Arc::new(Voices::new(Arc::clone(&services.voice)));
        let chooser = Arc::new(Chooser::new(Arc::clone(&store)));
        let Services { carrier, ears, model, voice } = services;
        let agent = Arc::new(Cascade::new(ears, Arc::clone(&model), voice));
        let service = Feedback::new(Arc::clone(&store), agent, voices, Arc::clone(&chooser), settings.calls);
        let service = Arc::new(service);
        let recordings = Recordings::new(&settings.recordings, Arc::clone(&carrier));
        let engine = engine(
            settings,
            carrier,
            Arc::<dyn OperatorStore>::clone(&operator),
            Arc::clone(&service),
            Arc::clone(&vault),
        )?;
        let monitor = Monitor::start(&engine).await?;
        engine.recover().await?;
        let tending = Arc::clone(&engine);
        // Ends with the engine's shutdown.
        let tended = tokio::spawn(async move { tending.run_background().await });
        let means = Means {
            store: Arc::clone(&operator),
            recordings: recordings.clone(),
            model,
            clock: Clock::system(),
            policy: settings.retention,
        };
        let jobs = Jobs::start(&engine, means);
        let verifications = Arc::new(StoredVerifications(Arc::clone(&store)));
        let state =
            api::State::new(settings, operator, Arc::clone(&engine), verifications, vault, chooser, recordings)?;
        let router = Router::new()
            .merge(server::routes(Arc::clone(&engine)))
            .merge(api::routes(&state)?)
            .merge(dashboard::routes());
        let router = router.layer(from_fn(api::name_request));
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            // Dropping the app stops it as well.
            let _ = stopped.await;
        };
        let mut options = ServeOptions::default();
        options.trusted_proxies = settings.trusted_proxies.clone();
        let served = tokio::spawn(server::serve(listener, router, options, stopped)?);
        info!(%address, "serving");
        Ok(Self { address, store, engine, tokens, service, monitor, jobs, tended, stop, served })
    }

    /// Makes the sentences of a business ready.
    ///
    /// # Errors
    /// `NotFound` for a business that is not there.
    pub(crate) async fn warm_up(&self, tenant: TenantId) -> Result<()> {
        self.service.warm_up(tenant).await
    }

    /// Takes no more calls, lets the live ones end, then stops serving.
    pub(crate) async fn stop(self, drain: Duration) {
        let ended = self.engine.shutdown(drain).await;
        if ended > 0 {
            warn!(ended, "calls were ended because the time to drain was over");
        }
        if let Err(error) = self.tended.await {
            warn!(%error, "tending to calls failed");
        }
        self.jobs.stop().await;
        let _ = self.stop.send(());
        match self.served.await {
            Ok(Ok(())) => info!("stopped"),
            Ok(Err(error)) => warn!(%error, "serving failed"),
            Err(error) => warn!(%error, "serving failed"),
        }
        self.monitor.stop().await;
    }
}

fn engine(
    settings: &Settings,
    carrier: Arc<dyn VoiceBackend>,
    store: Arc<dyn EngineStore>,
    service: Arc<Feedback>,
    vault: Arc<Vault>,
) -> Result<Arc<CallEngine>> {
    let mut config = EngineConfig::new(settings.public_url.clone());
    config.status_path = "api/calls/webhooks/telephony".to_owned();
    config.time_limit = LONGEST_CALL;
    config.recordings = Some(settings.recordings.clone());
    config.farewell = ("Förlåt, vi har tekniska problem. Vi hör av oss igen.".to_owned(), "sv-SE".to_owned());
    let account = CarrierAccount::of(carrier)?.number(settings.caller_number.clone());
    CallEngine::new(config, store, account.calls_per_second(settings.calls_per_second), service, vault)
}

/// Serves until the process is told to stop: real calls with keys in the environment, simulated ones without.
///
/// # Errors
/// When the configuration is wrong or the address cannot be used.
pub(crate) async fn serve() -> Result<(), Box<dyn Error>> {
    let real = optional("TWILIO_ACCOUNT_SID").is_some();
    let settings = if real { Settings::from_env()? } else { Settings::simulated(PathBuf::from("out"))? };
    let listener = server::listen("LISTEN", &settings.listen).await?;
    let (services, simulator, seed) = if real {
        let seed = settings.seed.as_deref().map(Seed::load).transpose()?;
        (Services::from_env()?, None, seed.unwrap_or(Seed { business: Vec::new() }))
    } else {
        let simulator = Simulator::start(&settings.public_url, listener.local_addr()?, "happy").await?;
        (simulator.services(&settings)?, Some(simulator), Seed::parse(DEMO)?)
    };
    // Asked for before the first call can come.
    let mut stop = pin!(told_to_stop());
    let app = App::start(&settings, services, listener, &seed).await?;
    let ready = async {
        for business in &seed.business {
            app.warm_up(business.id).await?;
        }
        if simulator.is_some() {
            print_invitation(&app, &seed)?;
        }
        Ok::<(), voicecall::Error>(())
    };
    tokio::select! {
        ready = ready => {
            ready?;
            stop.await;
        }
        () = &mut stop => {}
    }
    app.stop(DRAIN).await;
    Ok(())
}

fn print_invitation(app: &App, seed: &Seed) -> Result<()> {
    let Some((business, verification)) =
        seed.business.iter().find_map(|business| Some((business, business.verification.first()?)))
    else {
        return Ok(());
    };
    let token = app.tokens.issue("invitation", &[business.id])?;
    println!("No carrier is configured: calls go to simulated customers. Try:\n");
    println!("curl -sX POST http://{}/api/calls/initiate -H 'authorization: Bearer {token}' \\", app.address);
    println!("  -H 'content-type: application/json' -d '{{\"verificationId\":\"{}\",", verification.id);
    println!("  \"businessId\":\"{}\",\"customerPhone\":\"{}\"}}'", business.id, verification.phone.reveal());
    Ok(())
}

/// Waits for SIGINT or SIGTERM.
fn told_to_stop() -> impl Future<Output = ()> {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    async {
        match terminate {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(error) => {
                warn!(%error, "SIGTERM cannot be waited for");
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    }
}
