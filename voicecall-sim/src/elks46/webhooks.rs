//! Requests to the application: questions, whose answer is an action, and reports, which are told until they are taken.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HOST;
use tokio::time::sleep;

use super::action::{Action, parse};
use super::server::Shared;
use crate::fault::{Fault, Site};

/// The most of an answer that is read.
const LARGEST_ANSWER: usize = 64 * 1024;

/// How much later a report comes that its successor has overtaken.
const OVERTAKEN: Duration = Duration::from_secs(1);

pub(super) type Form = Vec<(String, String)>;

/// Asks what a call does next. None if there is no answer that can be followed: the call is then over.
pub(super) async fn ask(shared: &Arc<Shared>, index: usize, url: &str, form: &Form) -> Option<Action> {
    let fault = shared.draw(Site::WebhookVoice);
    match fault {
        Some(Fault::DropBefore) => return None,
        Some(Fault::Latency { delay, .. }) => sleep(delay).await,
        Some(Fault::Duplicate { times }) => {
            for _ in 0..times {
                post(shared, url, form).await;
            }
        }
        _ => {}
    }
    let (status, body) = post(shared, url, form).await;
    shared.call(index, |call| call.questions.push((path(url), status)));
    let is_heard = fault != Some(Fault::AcceptThenDrop) && (200..=204).contains(&status);
    match parse(&body) {
        Ok(action) if is_heard => Some(action),
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(status, error, "an answer that is no action");
            None
        }
    }
}

/// What is told, by its index: where it is noted that it was.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    Call(usize),
    Message(usize),
}

/// Tells something until it is taken, or often enough. Returns the first answer by which it was.
pub(super) async fn tell(shared: &Arc<Shared>, told: Told, url: &str, form: &Form) -> Option<String> {
    let mut more = 1;
    match shared.draw(Site::WebhookStatus) {
        Some(Fault::DropBefore) => return None,
        Some(Fault::Latency { delay, .. } | Fault::Late { delay }) => sleep(delay).await,
        Some(Fault::OutOfOrder) => sleep(OVERTAKEN).await,
        Some(Fault::Duplicate { times }) => more += times,
        _ => {}
    }
    let (wait, tries) = shared.options.reports_again;
    let mut answer = None;
    for _ in 0..more {
        for left in (0..tries.max(1)).rev() {
            let (status, body) = post(shared, url, form).await;
            let report = (path(url), status);
            match told {
                Told::Call(index) => shared.call(index, |call| call.reports.push(report)),
                Told::Message(index) => shared.with(|state| state.messages[index].reports.push(report)),
            }
            if (200..=204).contains(&status) {
                answer.get_or_insert(body);
                break;
            }
            if left > 0 {
                sleep(wait).await;
            }
        }
    }
    answer
}

/// The status, 0 for none, and the body.
async fn post(shared: &Shared, url: &str, form: &Form) -> (u16, String) {
    let Some((target, host)) = shared.network.target(url) else { return (0, String::new()) };
    let Ok(mut answer) = shared.client.post(target).form(form).header(HOST, host).send().await else {
        return (0, String::new());
    };
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_ANSWER {
            break;
        }
    }
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// The path of an address: what is secret lies behind it.
fn path(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| String::new(), |url| url.path().to_owned())
}
