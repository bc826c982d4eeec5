//! The server of [`tool_kills`](super::tool_kills): a bakery's phone, answered by a model that books a table by a tool, in
//! a process that stands still at the step where it is to be killed.

use std::future::pending;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use voicecall::agent::Cascade;
use voicecall::audio::{Detection, FRAME_SAMPLES, Frame};
use voicecall::call::Keep;
use voicecall::carrier::IncomingCall;
use voicecall::dialogue::{Action, Dialogue, DialogueEvent, LlmDialogue, Phrases};
use voicecall::engine::{CallHandler, CallOutcome, CallPlan, IncomingDecision, PlanRequest};
use voicecall::journal::{Fact, JournalEntry};
use voicecall::model::{
    ChatDelta, ChatRequest, ChatRole, LanguageModel, ResultStream, SpeechChunk, SpeechOptions, TextToSpeech, ToolCall,
};
use voicecall::server::ServeOptions;
use voicecall::sqlite::{SqliteOptions, SqliteStore};
use voicecall::store::{Extension, JournalStore, QueueStore, Session};
use voicecall::tool::{Tool, ToolContext, ToolEffect};
use voicecall::twilio::TwilioVoice;
use voicecall::{AccountName, CallTime, Result, Server, SessionId, TenantId, Vault, async_trait};

use super::agent::hears;
use super::process::say;

pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub const AUTH_TOKEN: &str = "12345";
pub const OURS: &str = "+46700000000";
pub const PUBLIC: &str = "https://calls.example";
/// Seals numbers in all processes.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
pub const TENANT: &str = "00000000-0000-7000-8000-0000000000aa";

pub const TOOL: &str = "book_table";
pub const GREETING: &str = "The bakery.";
pub const ASKS: &str = "How can I help?";
pub const BOOKED: &str = "It is booked.";
pub const CALLS_BACK: &str = "We will call you back.";

/// Where the process stands still, in the order in which a call comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The application is asked what becomes of the call.
    Decision,
    /// The carrier has its answer and opens the media socket, which the relay holds back.
    Socket,
    /// Half of the greeting is said.
    Greeting,
    /// The call of the tool is stored, and its handler has not begun.
    Stored,
    /// The handler runs and has done nothing yet.
    Running,
    /// The handler has done its work and has not returned.
    Done,
    /// The handler has returned, and that is being stored.
    Returned,
    /// The result is stored, and the model is to answer.
    Result,
    /// Half of the answer is said.
    Answer,
}

impl Step {
    pub const ALL: [Self; 9] = [
        Self::Decision,
        Self::Socket,
        Self::Greeting,
        Self::Stored,
        Self::Running,
        Self::Done,
        Self::Returned,
        Self::Result,
        Self::Answer,
    ];
}

/// What a server has to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub folder: PathBuf,
    pub listen: SocketAddr,
    pub carrier: String,
    /// Where tables are booked.
    pub receiver: SocketAddr,
    pub effect: ToolEffect,
    /// Where to stand still; nowhere, if the server is to finish what there is and end.
    pub stops_at: Option<Step>,
}

impl Order {
    async fn reach(&self, step: Step) {
        if self.stops_at == Some(step) {
            say(format_args!("reached"));
            pending().await
        }
    }

    /// The same, where nothing can be awaited.
    fn reach_here(&self, step: Step) {
        if self.stops_at == Some(step) {
            say(format_args!("reached"));
            loop {
                std::thread::park();
            }
        }
    }
}

/// Runs the server until it is killed, or until no call is left.
pub async fn serve(order: Order) {
    let order = Arc::new(order);
    let options = SqliteOptions::new().extension(Results(Arc::clone(&order)));
    let store = Arc::new(options.open(order.folder.join("calls.sqlite")).await.unwrap());
    let carrier = TwilioVoice::builder()
        .account_sid(ACCOUNT)
        .auth_token(AUTH_TOKEN)
        .public_url(PUBLIC)
        .api_base_url(order.carrier.clone())
        .build()
        .unwrap();
    let bakery = Bakery { order: Arc::clone(&order), store: Arc::clone(&store) };
    let server = Server::builder()
        .carrier(carrier)
        .number(OURS)
        .store(Arc::clone(&store))
        .vault(Vault::new(&[KEY.to_owned().into()], &KEY.to_owned().into()).unwrap())
        .public_url(PUBLIC)
        .handler(Arc::new(bakery))
        .build()
        .unwrap();
    let listener = TcpListener::bind(order.listen).await.unwrap();
    say(format_args!("listens"));
    let done = async {
        while order.stops_at.is_some() || !store.open_sessions().await.unwrap().is_empty() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    // Each of the carrier's requests comes over a connection of its own: one that is kept dies with the process.
    let close = axum::middleware::map_response(async |mut response: Response| {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    });
    server.engine().recover().await.unwrap();
    let served = voicecall::server::serve(listener, server.router().layer(close), ServeOptions::default(), pending());
    tokio::spawn(served.unwrap());
    server.run(done).await.unwrap();
}

/// The application.
#[derive(Debug)]
struct Bakery {
    order: Arc<Order>,
    store: Arc<SqliteStore>,
}

impl Bakery {
    fn plan_of(&self, session: SessionId) -> CallPlan {
        let order = Arc::clone(&self.order);
        let book = Tool::new(TOOL, "Books a table").handler(move |_: Table, call| {
            let order = Arc::clone(&order);
            async move { book(&order, &call).await }
        });
        let dialogue = LlmDialogue::new("You answer the phone of a bakery.")
            .greeting(GREETING)
            .tool(book.effect(self.order.effect));
        let dialogue = Box::new(Watched { dialogue, order: Arc::clone(&self.order) });
        let model = Model { order: Arc::clone(&self.order), store: Arc::clone(&self.store), session };
        let agent =
            Cascade::new(hears("A table for two, please."), Arc::new(model), Arc::new(Voice(Arc::clone(&self.order))));
        let mut plan = CallPlan::new(session, Arc::new(agent), dialogue);
        plan.settings.detection = Detection::Energy;
        plan.settings.turn.silence = Duration::from_millis(200);
        plan.settings.keep = Keep::Announced("This call is recorded.".to_owned());
        plan
    }
}

#[async_trait]
impl CallHandler for Bakery {
    async fn tenant_of(&self, _: AccountName, _: &IncomingCall) -> Result<Option<TenantId>> {
        Ok(Some(TENANT.parse().unwrap()))
    }

    async fn incoming(&self, _: &IncomingCall, session: &Session) -> Result<IncomingDecision> {
        self.order.reach(Step::Decision).await;
        Ok(IncomingDecision::Connect(self.plan_of(session.id)))
    }

    async fn plan(&self, request: &PlanRequest) -> Result<CallPlan> {
        Ok(self.plan_of(request.session.id))
    }

    async fn finished(&self, _: &CallOutcome) {}
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Table {
    #[expect(dead_code, reason = "the receiver counts tables, not people")]
    people: u32,
}

/// The tool's handler.
async fn book(order: &Order, call: &ToolContext) -> Result<&'static str> {
    tell(order, "begins", call.key()).await;
    order.reach(Step::Running).await;
    tell(order, "books", call.key()).await;
    order.reach(Step::Done).await;
    Ok("booked")
}

/// Tells the receiver something, and waits until it has it.
async fn tell(order: &Order, what: &str, key: &str) {
    let mut receiver = BufReader::new(TcpStream::connect(order.receiver).await.unwrap());
    receiver.write_all(format!("{what} {key}\n").as_bytes()).await.unwrap();
    assert_eq!(receiver.read_line(&mut String::new()).await.unwrap(), "ok\n".len());
}

/// Stands still when a tool is looked up, which is after its call is stored and before its handler begins.
#[derive(Debug)]
struct Watched {
    dialogue: LlmDialogue,
    order: Arc<Order>,
}

impl Dialogue for Watched {
    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        self.dialogue.handle(event, now, actions);
    }

    fn resume(&mut self, journal: &[JournalEntry]) {
        self.dialogue.resume(journal);
    }

    fn wake_at(&self) -> Option<CallTime> {
        self.dialogue.wake_at()
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.order.reach_here(Step::Stored);
        Dialogue::tool(&self.dialogue, name)
    }

    fn validate(&self) -> Result<()> {
        self.dialogue.validate()
    }
}

/// Stands still inside the transaction that stores what a tool returned.
#[derive(Debug)]
struct Results(Arc<Order>);

impl<T: ?Sized> Extension<T> for Results {
    fn name(&self) -> &'static str {
        "results"
    }

    fn project(&self, _: &mut T, _: TenantId, entry: &JournalEntry) -> Result<()> {
        if matches!(entry.fact, Fact::ToolReturned { .. }) {
            self.0.reach_here(Step::Returned);
        }
        Ok(())
    }
}

/// Books when it is asked for a table, and tells what came of it.
#[derive(Debug)]
struct Model {
    order: Arc<Order>,
    store: Arc<SqliteStore>,
    session: SessionId,
}

impl Model {
    /// Stands still, or goes on, once it is stored what a tool returned: otherwise nobody waits for that.
    async fn after_the_result(order: &Order, store: &SqliteStore, session: SessionId) {
        if !matches!(order.stops_at, Some(Step::Result | Step::Answer)) {
            return;
        }
        let returned = |entry: &JournalEntry| matches!(entry.fact, Fact::ToolReturned { .. });
        while !store.journal(TENANT.parse().unwrap(), session).await.unwrap().iter().any(returned) {
            sleep(Duration::from_millis(5)).await;
        }
        order.reach(Step::Result).await;
    }
}

impl LanguageModel for Model {
    fn name(&self) -> &'static str {
        "bakery"
    }

    fn chat(&self, request: ChatRequest) -> ResultStream<ChatDelta> {
        let said = |role, words: &str| {
            request.messages.iter().any(|message| message.role == role && message.content.contains(words))
        };
        let call = |name: &str, arguments: &str| {
            ChatDelta::ToolCall(ToolCall { id: String::new(), name: name.to_owned(), arguments: arguments.to_owned() })
        };
        let text = |text: &str| ChatDelta::Text(text.to_owned());
        let has_result = said(ChatRole::Tool, "");
        let answer = if has_result {
            let answer = if said(ChatRole::Tool, "booked") { BOOKED } else { CALLS_BACK };
            vec![text(answer), call("end_call", "{}")]
        } else if said(ChatRole::User, "table") {
            vec![call(TOOL, r#"{"people":2}"#)]
        } else {
            vec![text(ASKS)]
        };
        let (order, store, session) = (Arc::clone(&self.order), Arc::clone(&self.store), self.session);
        let wait = async move {
            if has_result {
                Self::after_the_result(&order, &store, session).await;
            }
            stream::iter(answer.into_iter().map(Ok))
        };
        stream::once(wait).flatten().boxed()
    }
}

/// Says each line as a sound of its own, half a second long, by which whoever is on the phone knows it.
#[derive(Debug)]
struct Voice(Arc<Order>);

impl TextToSpeech for Voice {
    fn name(&self) -> &'static str {
        "coded"
    }

    fn synthesize(&self, text: String, _: &SpeechOptions) -> ResultStream<SpeechChunk> {
        let half = || Ok(SpeechChunk { audio: sound_of(&text).repeat(12).into(), words: Vec::new() });
        let (first, second) = (half(), half());
        let order = Arc::clone(&self.0);
        let rest = async move {
            match &*text {
                GREETING => order.reach(Step::Greeting).await,
                BOOKED | CALLS_BACK => order.reach(Step::Answer).await,
                _ => {}
            }
            second
        };
        let both: BoxStream<'static, _> = stream::iter([first]).chain(stream::once(rest)).boxed();
        both
    }
}

/// Everything that may be said; what is not among it is said as the last one.
fn lines() -> Vec<String> {
    let phrases = Phrases::english();
    let own = [GREETING, ASKS, BOOKED, CALLS_BACK, "This call is recorded."].map(str::to_owned);
    own.into_iter()
        .chain([phrases.resumed, phrases.outcome_unknown, phrases.no_answer, "something else".to_owned()])
        .collect()
}

/// Twenty milliseconds of a line.
fn sound_of(line: &str) -> [u8; FRAME_SAMPLES] {
    let lines = lines();
    let at = lines.iter().position(|own| own == line).unwrap_or(lines.len() - 1);
    let code = 0x88 + 8 * u8::try_from(at).unwrap();
    std::array::from_fn(|sample| if sample % 2 == 0 { code } else { code & 0x7F })
}

/// The line that sounds in 20 ms; `None` for silence.
pub fn line_of(sound: &Frame) -> Option<String> {
    let code = sound.as_bytes().iter().map(|sample| sample | 0x80).find(|code| *code != 0xFF)?;
    lines().into_iter().nth(usize::from(code.checked_sub(0x88)? / 8))
}
