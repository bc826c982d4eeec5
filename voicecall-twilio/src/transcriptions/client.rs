//! The transcriptions of one Twilio account.

use secrecy::SecretString;
use url::Url;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::{Error, Result};

use super::event::{self, TranscriptionEvent, TranscriptionEventKind};
use super::transcript::{self, TranscriptAvailable};
use crate::PROVIDER;
use crate::client::TwilioClient;
use crate::config::{ClientConfig, TwilioBuilder};
use crate::overrides::ConnectionOverrides;
use crate::signature::SignatureCheck;
use crate::warn_once::WarnOnce;

/// The most of a webhook that is read, in bytes.
const MAX_WEBHOOK_BYTES: usize = 256 * 1024;

/// The transcriptions of one Twilio account.
///
/// ```no_run
/// use voicecall_core::carrier::RecordingId;
/// use voicecall_twilio::TwilioTranscriptions;
/// use voicecall_twilio::transcriptions::IntelligenceServiceSid;
///
/// # async fn run(recording: RecordingId, service: IntelligenceServiceSid) -> voicecall_core::Result<()> {
/// let transcriptions = TwilioTranscriptions::from_env()?;
/// let transcript = transcriptions.create_transcript(&service, &recording).await?;
/// // Twilio tells when it is ready: `transcript_webhook`.
/// for sentence in transcriptions.sentences(&transcript.sid, false).await? {
///     println!("{:?} {}", sentence.start, sentence.text);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TwilioTranscriptions {
    pub(super) client: TwilioClient,
    pub(super) intelligence: TwilioClient,
    pub(super) overrides: ConnectionOverrides,
    signatures: SignatureCheck,
    unknown: WarnOnce,
}

impl TwilioTranscriptions {
    /// Starts a configuration, which [`build_transcriptions`](TwilioBuilder::build_transcriptions) ends.
    pub fn builder() -> TwilioBuilder {
        TwilioBuilder::new()
    }

    /// Builds it from the environment; see the crate's front page for the variables.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        TwilioBuilder::from_env().build_transcriptions()
    }

    pub(crate) fn new(
        client: ClientConfig,
        intelligence: ClientConfig,
        public_url: Url,
        tokens: Vec<SecretString>,
        overrides: ConnectionOverrides,
    ) -> Result<Self> {
        Ok(Self {
            client: TwilioClient::new(client)?,
            intelligence: TwilioClient::new(intelligence)?,
            overrides,
            signatures: SignatureCheck::new(public_url, tokens),
            unknown: WarnOnce::default(),
        })
    }

    /// Checks what a webhook shows before its body has come: that there is a signature at all.
    ///
    /// # Errors
    /// `Unauthenticated` without one.
    pub fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        self.signatures.head(head)
    }

    /// Reads what is told of a live transcription, if its signature is right. The answer is an empty 200.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not; `Invalid` naming `body` beyond 256 KiB, or the field that is missing or cannot be.
    pub fn webhook(&self, request: &WebhookRequest<'_>) -> Result<TranscriptionEvent> {
        self.check(request)?;
        let event = event::read(request)?;
        if event.kind == TranscriptionEventKind::Unknown {
            self.unknown
                .run(|| tracing::warn!(provider = PROVIDER, "unknown webhooks are answered and otherwise ignored"));
        }
        Ok(event)
    }

    /// Reads what a service of Conversational Intelligence tells of a transcript, if its signature is right: that it is there.
    /// The answer is an empty 200.
    ///
    /// # Errors
    /// As [`webhook`](Self::webhook).
    pub fn transcript_webhook(&self, request: &WebhookRequest<'_>) -> Result<TranscriptAvailable> {
        self.check(request)?;
        transcript::available(request)
    }

    fn check(&self, request: &WebhookRequest<'_>) -> Result<()> {
        if request.body.len() > MAX_WEBHOOK_BYTES {
            return Err(Error::invalid("body", "at most 256 KiB").with_provider(PROVIDER));
        }
        self.signatures.webhook(request)
    }
}

pub(super) fn invalid(field: &'static str, expected: &'static str) -> Error {
    Error::invalid(field, expected).with_provider(PROVIDER)
}
