//! The voice side of a phone carrier: placing, finding and ending calls, and what its webhooks say.

mod announcement;
mod call;
mod capabilities;
mod detection;
mod digits;
mod event;
mod flow;
mod gathered;
mod incoming;
mod number;
mod place;
mod query;
mod recording;
mod step;
mod webhook;

use std::fmt::Debug;

use async_trait::async_trait;
use url::Url;

pub use announcement::Announcement;
pub use call::{CallDirection, CallPrice, CallStatus, CarrierCall};
pub use capabilities::VoiceCapabilities;
pub use detection::{AnsweredBy, Detection, GreetingEnd};
pub use digits::Digits;
pub use event::{CarrierEvent, CarrierEventKind, HoldEnd};
pub use flow::{CallFlow, CallStep, RejectReason};
pub use gathered::Gathered;
pub use incoming::IncomingCall;
pub use number::{
    AvailableNumber, CountryCode, NumberAbilities, NumberBackend, NumberCapabilities, NumberKind, NumberOrder,
    NumberSearch, NumberWebhooks, OwnedNumber,
};
pub use place::{DetectionMode, MachineDetection, MachineVerdict, PlaceCall};
pub use query::{CallPage, CallQuery, FindCalls, PageToken};
pub use recording::{CarrierRecording, PausedAudio, RecordingAudio, RecordingId, RecordingStatus};
pub use step::{
    Converse, ConverseSettings, Dial, DialNumber, DialOrder, Gather, GatherInput, Hold, HoldName, InterruptedBy, Play,
    Prompt, RecordCall, RecordMessage, RecordingChannels, RecordingName, Repeat, Say, SpeechEnd, StartRecording,
    StreamTarget, WithoutInput,
};
pub use webhook::{WebhookReply, WebhookRequest};

use crate::consent::ConsentToken;
use crate::error::{Error, ErrorKind, Result};
use crate::id::CarrierCallId;
use crate::media::MediaCodec;
use crate::phone::PhoneNumber;
use crate::text_media::TextCodec;

/// A phone carrier's voice side. Implementations are cheap to clone behind an `Arc` and used by many calls at once.
///
/// Contract, checked by the conformance suite:
/// - [`place`](Self::place) sends at most one request that can make a phone ring, whatever happens to it;
///   a failure after the request may have left is [`ErrorKind::UnknownOutcome`];
/// - [`hang_up`](Self::hang_up) of an ended call succeeds;
/// - [`confirm`](Self::confirm) refuses reports about calls the carrier does not know, if nothing else proves them;
/// - [`webhook`](Self::webhook) and [`media_handshake`](Self::media_handshake) check authenticity before
///   anything else is read, against the configured public URL, never against request headers;
/// - what is not among the [`capabilities`](Self::capabilities) answers `Unsupported` and sends nothing;
/// - [`delete_recording`](Self::delete_recording) of one that is gone succeeds.
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
    /// `Unsupported` without [`VoiceCapabilities::hang_up`]; otherwise as usual.
    async fn hang_up(&self, call: &CarrierCallId) -> Result<()>;

    /// Gives a live call new instructions, which replace what it is doing.
    ///
    /// # Errors
    /// `Closed` if the call is not live; `Unsupported` without [`VoiceCapabilities::update_call`].
    async fn update_call(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()>;

    /// The reply that gives an answered call its instructions. Every carrier ends a call ([`CallFlow::hang_up`]).
    ///
    /// # Errors
    /// `Unsupported` naming the step, or the part of one, that this carrier does not have; `Invalid` naming a value it does
    /// not take.
    fn reply(&self, flow: &CallFlow) -> Result<WebhookReply>;

    /// Refuses a webhook that its head alone shows not to be from the carrier, so that its body is never read. The body of
    /// `head` is empty, because it has not come yet.
    ///
    /// By default every head may be genuine. [`webhook`](Self::webhook) decides in any case.
    ///
    /// # Errors
    /// `Unauthenticated` if whatever the body is could not make the webhook authentic.
    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        let _ = head;
        Ok(())
    }

    /// Checks and reads a webhook.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not from the carrier; `Invalid` naming the field if it cannot be read.
    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent>;

    /// Makes sure that what a webhook reports is so, before it is believed. Without
    /// [`VoiceCapabilities::signed_webhooks`] whoever has learnt an address could report anything: a report is then asked back
    /// at the carrier, and what the carrier says counts. What asks for instructions is believed by its address alone: all that
    /// follows is an answer, and whoever is on the line waits for it.
    ///
    /// By default everything is proven by its signature.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not so; `Unavailable` if it is not so yet, or the carrier cannot be asked: it may come again.
    async fn confirm(&self, event: CarrierEvent) -> Result<CarrierEvent> {
        Ok(event)
    }

    /// Checks the handshake of a media or text socket before it is accepted.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not from the carrier.
    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()>;

    /// A codec for one media socket.
    fn media_codec(&self) -> Box<dyn MediaCodec>;

    /// A codec for one text socket.
    ///
    /// # Errors
    /// `Unsupported` without [`VoiceCapabilities::converse`].
    fn text_codec(&self) -> Result<Box<dyn TextCodec>> {
        Err(unsupported(self.name(), "converse"))
    }

    /// Presses keys in a live call, which the other side hears as tones, and goes on with `then`. Like
    /// [`update_call`](Self::update_call) it replaces what the call is doing: a media stream closes.
    ///
    /// # Errors
    /// As [`update_call`](Self::update_call); `Unsupported` without [`VoiceCapabilities::press`].
    async fn press(&self, call: &CarrierCallId, digits: &Digits, then: &CallFlow) -> Result<()> {
        let _ = (call, digits, then);
        Err(unsupported(self.name(), "press keys"))
    }

    /// A page of calls, newest first.
    ///
    /// # Errors
    /// `Invalid` naming `page` for a token that is not this carrier's; `Unsupported` without
    /// [`VoiceCapabilities::list`], or naming the filter this carrier does not have.
    async fn list(&self, query: &CallQuery) -> Result<CallPage> {
        let _ = query;
        Err(unsupported(self.name(), "list calls"))
    }

    /// Begins to record a live call. Its steps go on.
    ///
    /// # Errors
    /// `NotFound` or `Closed` if the call is not live; `Unsupported` without [`VoiceCapabilities::call_recordings`].
    /// After `Timeout` or `Unavailable` it may have begun: see [`recordings`](Self::recordings).
    async fn start_recording(&self, call: &CarrierCallId, settings: &RecordCall) -> Result<CarrierRecording> {
        let _ = (call, settings);
        Err(unsupported(self.name(), "start recording"))
    }

    /// Pauses a recording that is being made.
    ///
    /// # Errors
    /// `NotFound` if there is none; `Unsupported` without [`VoiceCapabilities::call_recordings`].
    async fn pause_recording(&self, call: &CarrierCallId, recording: &RecordingId, gap: PausedAudio) -> Result<()> {
        let _ = (call, recording, gap);
        Err(unsupported(self.name(), "pause recording"))
    }

    /// Goes on with a paused recording, which needs the consent to be still there.
    ///
    /// # Errors
    /// As [`pause_recording`](Self::pause_recording).
    async fn resume_recording(
        &self,
        call: &CarrierCallId,
        recording: &RecordingId,
        consent: &ConsentToken,
    ) -> Result<()> {
        let _ = (call, recording, consent);
        Err(unsupported(self.name(), "resume recording"))
    }

    /// Ends a recording. One that has ended is a success.
    ///
    /// # Errors
    /// As [`pause_recording`](Self::pause_recording).
    async fn stop_recording(&self, call: &CarrierCallId, recording: &RecordingId) -> Result<()> {
        let _ = (call, recording);
        Err(unsupported(self.name(), "stop recording"))
    }

    /// The recordings of a call, newest first.
    ///
    /// # Errors
    /// `Unsupported` without [`VoiceCapabilities::stored_recordings`]; otherwise as usual.
    async fn recordings(&self, call: &CarrierCallId) -> Result<Vec<CarrierRecording>> {
        let _ = call;
        Err(unsupported(self.name(), "list recordings"))
    }

    /// What the carrier knows of a recording now.
    ///
    /// # Errors
    /// `NotFound` if it knows no such recording; `Unsupported` as [`recordings`](Self::recordings).
    async fn recording(&self, recording: &RecordingId) -> Result<CarrierRecording> {
        let _ = recording;
        Err(unsupported(self.name(), "fetch recording"))
    }

    /// A recording's audio, both sides in channels of their own if it was recorded so.
    ///
    /// # Errors
    /// `NotFound` if there is none, or not yet; `Unsupported` as [`recordings`](Self::recordings).
    async fn recording_audio(&self, recording: &RecordingId) -> Result<RecordingAudio> {
        let _ = recording;
        Err(unsupported(self.name(), "fetch recording's audio"))
    }

    /// Deletes a recording with its audio. One that is gone, or never was, is a success.
    ///
    /// # Errors
    /// `Unsupported` without [`VoiceCapabilities::delete_recordings`]; otherwise as usual.
    async fn delete_recording(&self, recording: &RecordingId) -> Result<()> {
        let _ = recording;
        Err(unsupported(self.name(), "delete recording"))
    }

    /// Where the carrier turns to about calls to a number of the account.
    ///
    /// # Errors
    /// `NotFound` naming `number` if it does not belong to the account; `Unsupported` without
    /// [`VoiceCapabilities::number_webhooks`]; otherwise as usual.
    async fn number_webhooks(&self, number: &PhoneNumber) -> Result<NumberWebhooks> {
        let _ = number;
        Err(unsupported(self.name(), "read webhooks of number"))
    }

    /// Changes where the carrier turns to about calls to a number of the account, whatever the number was tied to. Live
    /// calls go on as they are.
    ///
    /// # Errors
    /// As [`number_webhooks`](Self::number_webhooks).
    async fn set_number_webhooks(&self, number: &PhoneNumber, webhooks: &NumberWebhooks) -> Result<()> {
        let _ = (number, webhooks);
        Err(unsupported(self.name(), "set webhooks of number"))
    }

    /// Where the media sockets of all calls come to, if that is set at the carrier once and not call by call.
    ///
    /// # Errors
    /// `Unsupported` with [`VoiceCapabilities::media_addresses`]; otherwise as usual.
    async fn media_url(&self) -> Result<Option<Url>> {
        Err(unsupported(self.name(), "read media address"))
    }

    /// Lets the media sockets of all calls come to this `wss` address from now on. Live calls keep theirs.
    ///
    /// # Errors
    /// As [`media_url`](Self::media_url).
    async fn set_media_url(&self, url: &Url) -> Result<()> {
        let _ = url;
        Err(unsupported(self.name(), "set media address"))
    }

    /// Whether the carrier can be reached with the configured credentials.
    ///
    /// # Errors
    /// `Unauthenticated` for wrong credentials; otherwise as usual.
    async fn health(&self) -> Result<()>;
}

fn unsupported(provider: &'static str, operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation).with_provider(provider)
}
