//! Requests and reports on their way to the service, with the faults that strike them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;
use voicecall_core::carrier::{CarrierEvent, CarrierEventKind, WebhookReply};
use voicecall_core::testing::{ScriptedCarrier, SignedRequest};
use voicecall_core::{CarrierCallId, Error, ErrorKind, Result};

use super::exchange::SimCarrier;
use super::line::Line;
use super::step::{self, Step};
use crate::fault::{Fault, Site};

/// How long the carrier waits before it sends a request again that got no answer; doubled each time.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Line {
    /// Asks the service for steps.
    pub(super) async fn ask(&mut self, path: &str) -> VecDeque<Step> {
        self.ask_about(path, CarrierEventKind::Instruct { status: self.status, detection: None }).await
    }

    /// Asks the service for steps, telling it `kind`.
    pub(super) async fn ask_about(&mut self, path: &str, kind: CarrierEventKind) -> VecDeque<Step> {
        self.ask_of(self.id.clone(), path, kind).await
    }

    /// The same about another leg of it.
    pub(super) async fn ask_of(&mut self, leg: CarrierCallId, path: &str, kind: CarrierEventKind) -> VecDeque<Step> {
        let (request, delivery) = self.event(leg, path, kind);
        let once = || self.carrier.deliver(&request, &delivery);
        let reply = match self.faults.draw(Site::WebhookVoice) {
            Some(Fault::Duplicate { times }) => {
                join_all((0..=times).map(|_| once())).await.into_iter().next().flatten()
            }
            Some(Fault::Latency { delay, .. }) => {
                sleep(delay).await;
                once().await
            }
            Some(Fault::DropBefore) => {
                sleep(AGAIN_AFTER).await;
                once().await
            }
            Some(Fault::AcceptThenDrop) => {
                once().await;
                sleep(AGAIN_AFTER).await;
                once().await
            }
            _ => once().await,
        };
        if reply.is_none() {
            self.carrier.note(format_args!("{} gets no steps", self.id));
        }
        reply.as_ref().map(step::read).unwrap_or_default()
    }

    /// Reports to the service, without waiting for it.
    pub(super) fn report(&mut self, kind: CarrierEventKind) {
        let path = self.route.status.clone();
        let (request, delivery) = self.event(self.id.clone(), &path, kind);
        let after: Vec<Duration> = match self.faults.draw(Site::WebhookStatus) {
            Some(Fault::DropBefore) => {
                self.carrier.note(format_args!("report {delivery} is lost"));
                Vec::new()
            }
            Some(Fault::OutOfOrder) => {
                let before = self.held.replace((request, delivery));
                self.send_after(before, Duration::ZERO);
                return;
            }
            Some(Fault::AcceptThenDrop) => vec![Duration::ZERO, AGAIN_AFTER],
            Some(Fault::Duplicate { times }) => (0..=times).map(|_| Duration::ZERO).collect(),
            Some(Fault::Late { delay } | Fault::Latency { delay, .. }) => vec![delay],
            _ => vec![Duration::ZERO],
        };
        for delay in after {
            self.send_after(Some((request.clone(), delivery.clone())), delay);
        }
        self.send_held();
    }

    /// A report that was held back follows its successor.
    pub(super) fn send_held(&mut self) {
        let held = self.held.take();
        self.send_after(held, Duration::ZERO);
    }

    fn send_after(&self, report: Option<(SignedRequest, String)>, delay: Duration) {
        let Some((request, delivery)) = report else { return };
        let carrier = Arc::clone(&self.carrier);
        // Ends by itself once it is delivered, or given up.
        tokio::spawn(async move {
            sleep(delay).await;
            carrier.deliver(&request, &delivery).await;
        });
    }

    fn event(&mut self, leg: CarrierCallId, path: &str, kind: CarrierEventKind) -> (SignedRequest, String) {
        self.sent += 1;
        let delivery = format!("{}-{}", self.id, self.sent);
        let event = CarrierEvent::new(leg, kind, delivery.clone()).with_sequence(Some(self.sent));
        (ScriptedCarrier::webhook_of(path, &event), delivery)
    }
}

impl SimCarrier {
    /// Sends a request until it is answered, or given up.
    async fn deliver(&self, request: &SignedRequest, delivery: &str) -> Option<WebhookReply> {
        let mut wait = AGAIN_AFTER;
        for _ in 0..=self.options.retries {
            match self.deliver_once(request, delivery).await {
                Ok(reply) => return reply,
                Err(error) => {
                    self.note(format_args!("{delivery} is refused: {}", error.kind().as_str()));
                    if !error.is_retryable() {
                        return None;
                    }
                }
            }
            sleep(wait).await;
            wait *= 2;
        }
        self.note(format_args!("{delivery} is given up"));
        None
    }

    async fn deliver_once(&self, request: &SignedRequest, delivery: &str) -> Result<Option<WebhookReply>> {
        let server = self.server().ok_or_else(|| Error::new(ErrorKind::Unavailable, "send webhook"))?;
        self.count_delivery();
        let reply = server.request(request).await?;
        self.answered(delivery, &reply);
        Ok(reply)
    }
}
