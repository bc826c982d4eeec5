//! Twilio as a carrier.

use async_trait::async_trait;
use secrecy::SecretString;
use tracing::instrument;
use url::Url;
use voicecall_core::carrier::{
    CallFlow, CarrierCall, CarrierEvent, CarrierEventKind, FindCalls, PlaceCall, VoiceBackend, VoiceCapabilities,
    WebhookReply, WebhookRequest,
};
use voicecall_core::media::MediaCodec;
use voicecall_core::{CarrierCallId, Error, ErrorKind, Result};

use crate::call::{call_id, carrier_call};
use crate::client::TwilioClient;
use crate::config::{ClientConfig, TwilioBuilder, has_underscore};
use crate::failure::{Effect, unreadable};
use crate::media::TwilioMedia;
use crate::once::Once;
use crate::overrides::ConnectionOverrides;
use crate::signature::SignatureCheck;
use crate::{PROVIDER, twiml, webhook, wire};

/// How long a phone may ring, and how long a call may last, in seconds.
const RING_SECONDS: std::ops::RangeInclusive<u64> = 1..=600;
const LIMIT_SECONDS: std::ops::RangeInclusive<u64> = 1..=86_400;

/// The longest TwiML a live call takes, in characters.
const MAX_TWIML: usize = 4000;

/// Calls on a page of a list, and pages that are read at most.
const PAGE_SIZE: &str = "200";
const MAX_PAGES: usize = 50;

/// The voice side of one Twilio account.
///
/// Requests that Twilio refuses as too much (429) were certainly not processed; every operation, placing included,
/// repeats them up to four times after growing waits, not earlier than `Retry-After` says and within
/// [`rate_limit_patience`](TwilioBuilder::rate_limit_patience). Nothing else is ever repeated.
#[derive(Debug)]
pub struct TwilioVoice {
    client: TwilioClient,
    signatures: SignatureCheck,
    overrides: ConnectionOverrides,
    uses_api_key: bool,
    unknown: Once,
}

impl TwilioVoice {
    /// Starts a configuration.
    pub fn builder() -> TwilioBuilder {
        TwilioBuilder::new()
    }

    /// Builds the backend from the environment; see the crate's front page for the variables.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        TwilioBuilder::from_env().build()
    }

    pub(crate) fn new(
        client: ClientConfig,
        public_url: Url,
        tokens: Vec<SecretString>,
        overrides: ConnectionOverrides,
    ) -> Result<Self> {
        Ok(Self {
            uses_api_key: client.uses_api_key(),
            client: TwilioClient::new(client)?,
            signatures: SignatureCheck::new(public_url, tokens),
            overrides,
            unknown: Once::default(),
        })
    }

    fn call_url(&self, call: &CarrierCallId) -> Result<Url> {
        let call =
            call_id(call.as_str()).ok_or_else(|| Error::invalid("call", "a call's SID").with_provider(PROVIDER))?;
        self.client.url(&format!("/Calls/{call}.json"))
    }
}

#[async_trait]
impl VoiceBackend for TwilioVoice {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn capabilities(&self) -> VoiceCapabilities {
        let mut all = VoiceCapabilities::none();
        all.steer = true;
        all.resumes_after_stream = true;
        all.keys = true;
        all.signed_media = true;
        all
    }

    /// Times are whole seconds at Twilio; a fraction is cut off. The ring timeout is 1 to 600 s (some networks add about
    /// 5 s), the time limit 1 s to 24 h.
    #[instrument(name = "twilio.place", skip_all)]
    async fn place(&self, request: &PlaceCall) -> Result<CarrierCall> {
        let ring = seconds("ring_timeout", request.ring_timeout, RING_SECONDS)?;
        let limit = seconds("time_limit", request.time_limit, LIMIT_SECONDS)?;
        if has_underscore(&request.status_url) {
            return Err(Error::invalid("status_url", "a host without underscore").with_provider(PROVIDER));
        }
        let answer_url = self.overrides.apply(&request.answer_url);
        let status_url = self.overrides.apply(&request.status_url);
        let form = [
            ("To", request.to.reveal()),
            ("From", request.from.reveal()),
            ("Url", answer_url.as_str()),
            ("Method", "POST"),
            ("StatusCallback", status_url.as_str()),
            ("StatusCallbackMethod", "POST"),
            ("StatusCallbackEvent", "initiated"),
            ("StatusCallbackEvent", "ringing"),
            ("StatusCallbackEvent", "answered"),
            ("StatusCallbackEvent", "completed"),
            ("Timeout", &ring),
            ("TimeLimit", &limit),
        ];
        let url = self.client.url("/Calls.json")?;
        let call: wire::Call = self.client.post("place call", Effect::Dials, url, &form).await?;
        // Without an id of its own a call that was accepted cannot be followed: it has to be looked for.
        carrier_call(&call).ok_or_else(|| unreadable("place call", Effect::Dials))
    }

    #[instrument(name = "twilio.fetch", skip_all, fields(%call))]
    async fn fetch(&self, call: &CarrierCallId) -> Result<CarrierCall> {
        let call: wire::Call = self.client.get("fetch call", self.call_url(call)?).await?;
        carrier_call(&call).ok_or_else(|| unreadable("fetch call", Effect::Repeatable))
    }

    /// Twilio's own filter by time asks for the start, which a call that still waits in its queue may not have; so it is
    /// not used, and the time of the order is compared here. Twilio tells it to the second: a call of the same second as
    /// [`since`](FindCalls::since) counts, and so does one without a time. Give `since` some slack for the difference of
    /// the clocks.
    #[instrument(name = "twilio.find", skip_all)]
    async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>> {
        let since = query.since.as_second();
        let mut url = self.client.url("/Calls.json")?;
        url.query_pairs_mut()
            .append_pair("To", query.to.reveal())
            .append_pair("From", query.from.reveal())
            .append_pair("PageSize", PAGE_SIZE);
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let page: wire::CallPage = self.client.get("find calls", url).await?;
            let calls = page.calls.iter().filter_map(carrier_call);
            found.extend(calls.filter(|call| call.created_at.is_none_or(|created| created.as_second() >= since)));
            let Some(next) = page.next_page_uri else {
                found.sort_by_key(|call| std::cmp::Reverse(call.created_at));
                return Ok(found);
            };
            url = self.client.page_url(&next)?;
        }
        // "Not among the first ten thousand" is not "not there".
        Err(Error::new(ErrorKind::Unsupported, "find calls")
            .with_provider(PROVIDER)
            .with_message("too many calls to search"))
    }

    #[instrument(name = "twilio.hang_up", skip_all, fields(%call))]
    async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
        let url = self.call_url(call)?;
        let form = [("Status", "completed")];
        let answer: Result<wire::Call> = self.client.post("hang up", Effect::Repeatable, url, &form).await;
        match answer {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Closed) => Err(error),
            _ => Ok(()),
        }
    }

    #[instrument(name = "twilio.steer", skip_all, fields(%call))]
    async fn steer(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()> {
        let twiml = twiml::render(flow, &self.overrides);
        if twiml.chars().count() > MAX_TWIML {
            return Err(Error::invalid("flow", "at most 4000 characters of TwiML").with_provider(PROVIDER));
        }
        let form = [("Twiml", twiml.as_str())];
        let _: wire::Call = self.client.post("steer call", Effect::Repeatable, self.call_url(call)?, &form).await?;
        Ok(())
    }

    fn reply(&self, flow: &CallFlow) -> WebhookReply {
        WebhookReply { content_type: twiml::CONTENT_TYPE, body: twiml::render(flow, &self.overrides) }
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
        self.signatures.webhook(request)?;
        let event = webhook::read(request)?;
        if event.kind == CarrierEventKind::Unknown {
            self.unknown
                .run(|| tracing::warn!(provider = PROVIDER, "unknown webhooks are answered and otherwise ignored"));
        }
        Ok(event)
    }

    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.signatures.handshake(request)
    }

    fn media_codec(&self) -> Box<dyn MediaCodec> {
        Box::new(TwilioMedia::new())
    }

    /// Fetches the account, which must be active. An API key may not be allowed to, so with one a call is listed instead.
    #[instrument(name = "twilio.health", skip_all)]
    async fn health(&self) -> Result<()> {
        if self.uses_api_key {
            let mut url = self.client.url("/Calls.json")?;
            url.query_pairs_mut().append_pair("PageSize", "1");
            let _: wire::CallPage = self.client.get("check health", url).await?;
            return Ok(());
        }
        let account: wire::Account = self.client.get("check health", self.client.url(".json")?).await?;
        match account.status {
            Some(wire::AccountStatus::Suspended | wire::AccountStatus::Closed) => {
                Err(Error::new(ErrorKind::Forbidden, "check health")
                    .with_provider(PROVIDER)
                    .with_message("the account is not active"))
            }
            _ => Ok(()),
        }
    }
}

fn seconds(field: &'static str, time: std::time::Duration, range: std::ops::RangeInclusive<u64>) -> Result<String> {
    let seconds = time.as_secs();
    if range.contains(&seconds) {
        return Ok(seconds.to_string());
    }
    let expected = format!("{} to {} seconds", range.start(), range.end());
    Err(Error::invalid(field, expected).with_provider(PROVIDER))
}
