//! The voice side of a phone carrier: placing, finding and ending calls, and what its webhooks say.

mod call;
mod flow;
mod webhook;

use std::fmt::Debug;

use async_trait::async_trait;

pub use call::{CallStatus, CarrierCall, FindCalls, PlaceCall};
pub use flow::{CallFlow, CallStep, StreamTarget};
pub use webhook::{CarrierEvent, CarrierEventKind, WebhookReply, WebhookRequest};

use crate::error::Result;
use crate::id::CarrierCallId;
use crate::media::MediaCodec;

/// What a carrier can do, for choosing before calling instead of failing in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceCapabilities {
    /// A live call can be given new instructions at any time ([`VoiceBackend::steer`]).
    pub steer: bool,
    /// The carrier continues with the next step when the media socket closes.
    pub resumes_after_stream: bool,
    /// Keys pressed by the caller arrive over the media socket.
    pub keys: bool,
    /// The media socket's handshake is authenticated by the carrier itself.
    pub signed_media: bool,
}

impl VoiceCapabilities {
    /// A carrier that can do none of the optional things.
    #[must_use]
    pub const fn none() -> Self {
        Self { steer: false, resumes_after_stream: false, keys: false, signed_media: false }
    }
}

/// A phone carrier's voice side. Implementations are cheap to clone behind an `Arc` and used by many calls at once.
///
/// Contract, checked by the conformance suite:
/// - [`place`](Self::place) sends at most one request that can make a phone ring, whatever happens to it;
///   a failure after the request may have left is [`ErrorKind::UnknownOutcome`](crate::ErrorKind::UnknownOutcome);
/// - [`hang_up`](Self::hang_up) of an ended call succeeds;
/// - [`webhook`](Self::webhook) and [`media_handshake`](Self::media_handshake) check authenticity before
///   anything else is read, against the configured public URL, never against request headers.
#[async_trait]
pub trait VoiceBackend: Send + Sync + Debug + 'static {
    /// The carrier's name, for logs, prices and rows.
    fn name(&self) -> &'static str;

    /// What the carrier can do.
    fn capabilities(&self) -> VoiceCapabilities;

    /// Asks the carrier to call a number. Returns when it accepted, before the phone rings.
    ///
    /// # Errors
    /// `RateLimited` and `Rejected`: certainly not placed. `UnknownOutcome`: perhaps placed; settle it with
    /// [`find`](Self::find), never by placing again.
    async fn place(&self, request: &PlaceCall) -> Result<CarrierCall>;

    /// What the carrier knows of a call now.
    ///
    /// # Errors
    /// `NotFound` if it knows no such call; otherwise as usual.
    async fn fetch(&self, call: &CarrierCallId) -> Result<CarrierCall>;

    /// Calls that match, newest first, to settle an attempt with an unknown outcome.
    ///
    /// # Errors
    /// As usual.
    async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>>;

    /// Ends a call in whatever state it is. An ended or unknown call is a success.
    ///
    /// # Errors
    /// As usual.
    async fn hang_up(&self, call: &CarrierCallId) -> Result<()>;

    /// Gives a live call new instructions, which replace what it is doing.
    ///
    /// # Errors
    /// `Closed` if the call is not live; `Unsupported` without [`VoiceCapabilities::steer`].
    async fn steer(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()>;

    /// The reply that gives an answered call its instructions.
    fn reply(&self, flow: &CallFlow) -> WebhookReply;

    /// Checks and reads a webhook.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not from the carrier; `Invalid` naming the field if it cannot be read.
    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent>;

    /// Checks the handshake of a media socket before it is accepted.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not from the carrier.
    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()>;

    /// A codec for one media socket.
    fn media_codec(&self) -> Box<dyn MediaCodec>;

    /// Whether the carrier can be reached with the configured credentials.
    ///
    /// # Errors
    /// `Unauthenticated` for wrong credentials; otherwise as usual.
    async fn health(&self) -> Result<()>;
}
