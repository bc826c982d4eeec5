//! Calls that the application places.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use voicecall_core::store::{CallPriority, EndReason, NewSession, Page, PageRequest, Session, SessionFilter};
use voicecall_core::{Error, ErrorKind, PhoneNumber, Result, SessionId, TenantId, Vault};
use voicecall_engine::{CallEngine, DialPolicy};

use super::CallOptions;
use super::handler::{App, Waiting};

/// How often it is looked whether a call is over of which nothing is told.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A call to be placed.
#[derive(Debug)]
pub struct Call {
    to: String,
    options: Option<CallOptions>,
    reference: Option<String>,
    policy: Option<DialPolicy>,
    priority: CallPriority,
}

impl Call {
    /// A call to this number, in E.164: `+` and digits.
    pub fn to(number: impl Into<String>) -> Self {
        Self { to: number.into(), options: None, reference: None, policy: None, priority: CallPriority::Normal }
    }

    /// Who conducts it: a dialogue, or [`CallOptions`]. Used by the first attempt; further attempts, and the call if it
    /// breaks off or the process ends, are conducted by [`on_outgoing`](super::ServerBuilder::on_outgoing).
    #[must_use]
    pub fn dialogue(mut self, options: impl Into<CallOptions>) -> Self {
        self.options = Some(options.into());
        self
    }

    /// The application's name for it: two calls with the same one are the same call, which is placed once.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// When and how often the person may be called; once, at any hour, otherwise.
    #[must_use]
    pub fn policy(mut self, policy: DialPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Goes before other calls that wait.
    #[must_use]
    pub const fn urgent(mut self) -> Self {
        self.priority = CallPriority::High;
        self
    }
}

/// Places calls.
#[derive(Debug, Clone)]
pub struct Calls {
    engine: Arc<CallEngine>,
    /// Absent if the application brings its own handler.
    app: Option<Arc<App>>,
    vault: Arc<Vault>,
    tenant: TenantId,
}

impl Calls {
    pub(super) const fn new(
        engine: Arc<CallEngine>,
        app: Option<Arc<App>>,
        vault: Arc<Vault>,
        tenant: TenantId,
    ) -> Self {
        Self { engine, app, vault, tenant }
    }

    /// Takes a call in and returns at once; it is placed as soon as its turn comes. A reference that was taken in before
    /// gives that call.
    ///
    /// # Errors
    /// `Invalid` naming `to` if it is no number, or `dialogue` if nobody would conduct the call, or the application's own
    /// handler does; `Conflict` naming `remote` if the person asked not to be called any more; `Unavailable` while the
    /// server is shutting down; what the store reports.
    pub async fn place(&self, call: Call) -> Result<PlacedCall> {
        let to: PhoneNumber = call.to.parse().map_err(|error: Error| error.with_field("to"))?;
        let now = self.engine.config().clock.now();
        let mut new = NewSession::outbound_to(&self.vault, self.tenant, &to.into(), now)?;
        new.reference = call.reference;
        new.priority = call.priority;
        let own = self.conduct(new.id, Waiting { options: call.options, policy: call.policy })?;
        let taken = self.engine.submit(&new).await;
        if let Some(app) = own.filter(|_| !taken.as_ref().is_ok_and(|session| session.id == new.id)) {
            app.waiting().remove(&new.id);
        }
        Ok(PlacedCall { session: taken?.id, calls: self.clone() })
    }

    /// Notes how a call is conducted, before its session is there: its turn may come at once. Returns where.
    fn conduct(&self, session: SessionId, waiting: Waiting) -> Result<Option<&App>> {
        let Some(app) = self.app.as_deref() else {
            if waiting.options.is_some() || waiting.policy.is_some() {
                return Err(Error::invalid(
                    "dialogue",
                    "none, and no policy: the application's handler conducts its calls",
                ));
            }
            return Ok(None);
        };
        if waiting.options.is_none() && app.on_outgoing.is_none() {
            return Err(Error::invalid(
                "dialogue",
                "a dialogue: .dialogue(…) of the call or .on_outgoing(…) of the server",
            ));
        }
        app.waiting().insert(session, waiting);
        Ok(Some(app))
    }

    /// The call of this [reference](Call::reference), if one was placed.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn find(&self, reference: &str) -> Result<Option<PlacedCall>> {
        let session = self.engine.store().session_by_reference(self.tenant, reference).await?;
        Ok(session.map(|session| self.of(session.id)))
    }

    /// The sessions there are, waiting, on the line and over, the newest first, a page at a time.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be; what the store reports.
    pub async fn list(&self, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>> {
        self.engine.store().sessions(self.tenant, filter, page).await
    }

    /// How many calls of this process ring, and how many are connected.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        self.engine.count()
    }

    /// The call of a session, whoever placed it.
    #[must_use]
    pub fn of(&self, session: SessionId) -> PlacedCall {
        PlacedCall { session, calls: self.clone() }
    }
}

/// A call that was taken in.
#[derive(Debug, Clone)]
pub struct PlacedCall {
    session: SessionId,
    calls: Calls,
}

impl PlacedCall {
    /// Its session.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.session
    }

    /// How it stands.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn session(&self) -> Result<Session> {
        self.calls.engine.store().session(self.calls.tenant, self.session).await
    }

    /// Waits until it is over.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn ended(&self) -> Result<Session> {
        let mut events = self.calls.engine.subscribe();
        loop {
            let session = self.session().await?;
            if session.status.is_final() {
                return Ok(session);
            }
            // Events are told after what they tell is stored; those that were missed may have been about this call, and
            // another process tells none.
            let told = async { while events.recv().await.is_ok_and(|event| event.session != self.session) {} };
            let _ = timeout(LOOK_AGAIN_AFTER, told).await;
        }
    }

    /// Ends it, whatever it is doing: waiting, ringing or talking.
    ///
    /// # Errors
    /// `Conflict` if it is over; what the store or the carrier reports.
    pub async fn end(&self) -> Result<()> {
        match self.calls.engine.stop(self.calls.tenant, self.session, EndReason::Canceled).await {
            Err(error) if error.kind() == ErrorKind::Conflict => Err(error.with_message("the call is over")),
            ended => ended,
        }
    }
}
