//! The carrier's side of orders, with the faults that strike them.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::sleep;
use voicecall_core::async_trait;
use voicecall_core::carrier::{
    CallFlow, CallStep, CarrierCall, CarrierEvent, FindCalls, PlaceCall, VoiceBackend, VoiceCapabilities, WebhookReply,
    WebhookRequest,
};
use voicecall_core::media::MediaCodec;
use voicecall_core::text_media::TextCodec;
use voicecall_core::{CarrierCallId, Error, ErrorKind, Result};

use super::exchange::{SimCarrier, index_of};
use super::line::Control;
use super::record::{SimCall, SimOrder};
use super::step;
use crate::fault::{Fault, Site};

const NAME: &str = "sim";

#[async_trait]
impl VoiceBackend for SimCarrier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> VoiceCapabilities {
        let mut able = VoiceCapabilities::none();
        (able.hang_up, able.time_limit, able.update_call, able.resumes_after_stream) = (true, true, true, true);
        (able.signed_webhooks, able.signed_media, able.media_addresses) = (true, true, true);
        (able.screening, able.converse) = (true, self.options.speech.is_some());
        able
    }

    async fn place(&self, request: &PlaceCall) -> Result<CarrierCall> {
        let at = self.now();
        let fault = self.state().faults.draw(Site::RestCreate);
        let outage = self.options.outages.iter().find(|outage| (outage.from..outage.until).contains(&at));
        let (placed, error, wait) = match (outage, fault) {
            (Some(outage), _) => (false, Some(Error::new(outage.kind, "place call")), Duration::ZERO),
            (None, Some(Fault::RateLimit { retry_after })) => {
                let error = Error::new(ErrorKind::RateLimited, "place call");
                let error = retry_after.into_iter().fold(error, Error::with_retry_after);
                (false, Some(error), Duration::ZERO)
            }
            (None, Some(Fault::DropBefore)) => (false, Some(unknown()), Duration::ZERO),
            (None, Some(Fault::AcceptThenDrop)) => (true, Some(unknown()), self.options.takes),
            (None, Some(Fault::Error { status, accepted })) => {
                let kind = if status >= 500 { ErrorKind::UnknownOutcome } else { ErrorKind::Rejected };
                let error = Error::new(kind, "place call").with_code(status.to_string());
                (accepted && status >= 500, Some(error), self.options.takes)
            }
            (None, Some(Fault::Latency { delay, .. } | Fault::Stall { length: delay, .. })) => (true, None, delay),
            (None, _) => (true, None, self.options.takes),
        };
        let call = placed.then(|| self.begin(request));
        let error = error.map(|error| error.with_provider(NAME));
        self.took(request, at, call.as_ref(), error.as_ref());
        sleep(wait).await;
        match (call, error) {
            (_, Some(error)) => Err(error),
            (Some(call), None) => self.known(&call),
            (None, None) => Err(unknown()),
        }
    }

    async fn fetch(&self, call: &CarrierCallId) -> Result<CarrierCall> {
        self.visit(Site::RestFetch, "fetch call").await?;
        self.known(call)
    }

    async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>> {
        self.visit(Site::RestFetch, "find calls").await?;
        let state = self.state();
        let matching =
            state.calls.iter().rev().filter(|call| call.to == query.to && call.from.as_ref() == Some(&query.from));
        Ok(matching.map(|call| self.report_of(call)).filter(|call| call.created_at >= Some(query.since)).collect())
    }

    async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
        self.visit(Site::RestUpdate, "hang up").await?;
        self.control(call, Control::HangUp);
        Ok(())
    }

    async fn update_call(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()> {
        self.visit(Site::RestUpdate, "update_call call").await?;
        let steps = step::read(&self.protocol.reply(flow)?);
        if self.control(call, Control::Steer(steps)) {
            return Ok(());
        }
        Err(failed(ErrorKind::Closed, "update_call call"))
    }

    fn reply(&self, flow: &CallFlow) -> Result<WebhookReply> {
        let records = |step: &CallStep| matches!(step, CallStep::StartRecording(_) | CallStep::StopRecording(_));
        if flow.0.iter().any(records) {
            return Err(Error::new(ErrorKind::Unsupported, "write instructions").with_provider(self.name()));
        }
        self.protocol.reply(flow)
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        self.protocol.webhook_head(head)
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
        self.protocol.webhook(request)
    }

    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.protocol.media_handshake(request)
    }

    fn media_codec(&self) -> Box<dyn MediaCodec> {
        self.protocol.media_codec()
    }

    fn text_codec(&self) -> Result<Box<dyn TextCodec>> {
        match self.options.speech {
            Some(_) => self.protocol.text_codec(),
            None => Err(failed(ErrorKind::Unsupported, "open text socket")),
        }
    }

    async fn health(&self) -> Result<()> {
        self.visit(Site::RestFetch, "check health").await
    }
}

impl SimCarrier {
    fn took(&self, order: &PlaceCall, at: Duration, call: Option<&CarrierCallId>, error: Option<&Error>) {
        let entry = SimOrder {
            at,
            to: order.to.clone(),
            call: call.cloned(),
            error: error.map(Error::kind),
            retry_after: error.and_then(Error::retry_after),
        };
        let became = call.map_or("no call", CarrierCallId::as_str);
        let answer = error.map_or("success", |error| error.kind().as_str());
        self.note(format_args!("an order for {} becomes {became}, answered with {answer}", order.to));
        self.state().orders.push(entry);
    }

    /// What else it is asked to do fails here, or comes late.
    async fn visit(&self, site: Site, operation: &'static str) -> Result<()> {
        let at = self.now();
        let fault = self.state().faults.draw(site);
        if let Some(outage) = self.options.outages.iter().find(|outage| (outage.from..outage.until).contains(&at)) {
            return Err(failed(outage.kind, operation));
        }
        match fault {
            Some(Fault::Latency { delay, .. } | Fault::Stall { length: delay, .. }) => sleep(delay).await,
            Some(Fault::RateLimit { retry_after }) => {
                let error = failed(ErrorKind::RateLimited, operation);
                return Err(retry_after.into_iter().fold(error, Error::with_retry_after));
            }
            Some(_) => return Err(failed(ErrorKind::Unavailable, operation)),
            None => {}
        }
        Ok(())
    }

    fn known(&self, call: &CarrierCallId) -> Result<CarrierCall> {
        let state = self.state();
        let known = index_of(call).and_then(|index| state.calls.get(index));
        known.map(|call| self.report_of(call)).ok_or_else(|| failed(ErrorKind::NotFound, "fetch call"))
    }

    fn report_of(&self, call: &SimCall) -> CarrierCall {
        let ago = SignedDuration::try_from(self.now().saturating_sub(call.ordered_at)).unwrap_or_default();
        let mut report = CarrierCall::new(call.id.clone(), call.status);
        (report.to, report.from) = (Some(call.to.clone()), call.from.clone());
        report.created_at = self.options.clock.now().checked_sub(ago).ok();
        report.duration = call.ended_at.zip(call.answered_at).map(|(end, answer)| end.saturating_sub(answer));
        report
    }

    /// Orders a live call to do something. Returns whether there is one.
    fn control(&self, call: &CarrierCallId, control: Control) -> bool {
        let state = self.state();
        let Some(index) = index_of(call) else { return false };
        let is_live = state.calls.get(index).is_some_and(|call| !call.status.is_final());
        is_live && state.lines.get(index).is_some_and(|line| line.try_send(control).is_ok())
    }
}

fn unknown() -> Error {
    Error::new(ErrorKind::UnknownOutcome, "place call")
}

fn failed(kind: ErrorKind, operation: &'static str) -> Error {
    Error::new(kind, operation).with_provider(NAME)
}
