//! The steps a service answers with, as far as this carrier carries them out.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use url::Url;
use voicecall_core::carrier::WebhookReply;

/// A step of a call. Addresses are paths with their query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Stream(String),
    Redirect(String),
    Say(String),
    Pause(Duration),
    /// Does not answer a call that came in.
    Reject {
        busy: bool,
    },
    HangUp,
}

/// The steps of a reply. What this carrier does not do is left out, as a carrier skips an unknown verb.
pub(super) fn read(reply: &WebhookReply) -> VecDeque<Step> {
    let steps: Vec<Value> = serde_json::from_str(&reply.body).unwrap_or_default();
    steps.iter().filter_map(step).collect()
}

fn step(step: &Value) -> Option<Step> {
    if step == "hang_up" {
        return Some(Step::HangUp);
    }
    let text = |name: &str| step.get(name).and_then(Value::as_str);
    let path = |name: &str| text(name).and_then(path_of);
    path("stream")
        .map(Step::Stream)
        .or_else(|| path("redirect").map(Step::Redirect))
        .or_else(|| text("say").map(|said| Step::Say(said.to_owned())))
        .or_else(|| text("reject").map(|reason| Step::Reject { busy: reason == "busy" }))
        .or_else(|| step.get("pause").and_then(Value::as_u64).map(|seconds| Step::Pause(Duration::from_secs(seconds))))
}

/// The path and the query of an address: who is reached is known.
pub(super) fn path_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_unknown_ones_skipped() {
        let body = r#"[{"stream":"wss://a.example/media/t?x=1","parameters":{}},{"gather":[]},{"say":"Hi"},{"pause":2},
            {"redirect":"https://a.example/next"},{"reject":"busy"},"hang_up"]"#;
        let reply = WebhookReply { content_type: "application/json", body: body.to_owned() };
        let steps = [
            Step::Stream("/media/t?x=1".to_owned()),
            Step::Say("Hi".to_owned()),
            Step::Pause(Duration::from_secs(2)),
            Step::Redirect("/next".to_owned()),
            Step::Reject { busy: true },
            Step::HangUp,
        ];
        assert_eq!(read(&reply), steps);
        assert!(read(&WebhookReply { body: "not JSON".to_owned(), ..reply }).is_empty());
    }
}
