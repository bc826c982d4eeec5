//! The steps a service answers with, as far as this carrier carries them out.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use url::Url;
use voicecall_core::PhoneNumber;
use voicecall_core::carrier::{InterruptedBy, WebhookReply};

/// A step of a call. Addresses are paths with their query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Stream(String),
    Converse(Converse),
    Redirect(String),
    Say(String),
    Pause(Duration),
    Play(String),
    Dial(Dial),
    /// Asks for a key; the carrier's voice says what for.
    Gather {
        says: Vec<String>,
        next: Option<String>,
    },
    Reject {
        busy: bool,
    },
    HangUp,
}

/// A conversation in text, for which the carrier hears and speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Converse {
    /// Of the socket.
    pub(super) socket: String,
    pub(super) greeting: Option<String>,
    pub(super) interrupted_by: InterruptedBy,
    /// Asked what follows.
    pub(super) next: Option<String>,
}

/// Somebody else to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dial {
    pub(super) number: PhoneNumber,
    /// Asked what whoever answers is told before they are connected.
    pub(super) screening: Option<String>,
    /// Asked what follows.
    pub(super) next: Option<String>,
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
        .or_else(|| converse(step).map(Step::Converse))
        .or_else(|| path("redirect").map(Step::Redirect))
        .or_else(|| text("play").map(|url| Step::Play(url.to_owned())))
        .or_else(|| text("reject").map(|reason| Step::Reject { busy: reason == "busy" }))
        .or_else(|| dial(step).map(Step::Dial))
        .or_else(|| gather(step))
        .or_else(|| text("say").map(|said| Step::Say(said.to_owned())))
        .or_else(|| step.get("pause").and_then(Value::as_u64).map(|seconds| Step::Pause(Duration::from_secs(seconds))))
}

fn converse(step: &Value) -> Option<Converse> {
    let text = |name: &str| step.get(name).and_then(Value::as_str);
    let interrupted_by = step.get("settings").and_then(|settings| settings.get("interrupted_by"));
    Some(Converse {
        socket: path_of(text("converse")?)?,
        greeting: text("greeting").map(ToOwned::to_owned),
        interrupted_by: interrupted_by.cloned().map(serde_json::from_value).transpose().ok()?.unwrap_or_default(),
        next: text("next").and_then(path_of),
    })
}

fn dial(step: &Value) -> Option<Dial> {
    let number = step.get("dial")?.get(0)?.as_str()?.parse().ok()?;
    let path = |url: Option<&Value>| url.and_then(Value::as_str).and_then(path_of);
    let screening = path(step.get("screening").and_then(|urls| urls.get(0)));
    Some(Dial { number, screening, next: path(step.get("next")) })
}

fn gather(step: &Value) -> Option<Step> {
    let prompts = step.get("gather")?.as_array()?;
    let says = prompts.iter().filter_map(|prompt| prompt.get("say")?.as_str().map(ToOwned::to_owned)).collect();
    Some(Step::Gather { says, next: step.get("next").and_then(Value::as_str).and_then(path_of) })
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
        let body = r#"[{"stream":"wss://a.example/media/t?x=1","parameters":{}},{"hold":"x"},{"say":"Hi"},{"pause":2},
            {"redirect":"https://a.example/next"},{"play":"https://a.example/a.wav"},{"dial":["+46701740606"],"next":null},
            {"dial":["+46701740607"],"screening":["https://a.example/screen"],"next":"https://a.example/back"},
            {"gather":[{"say":"Press 1."},{"pause":1}],"next":"https://a.example/key"},{"reject":"busy"},"hang_up",
            {"converse":"wss://a.example/media/u","greeting":"Hi","settings":{"interrupted_by":"keys"},"next":"https://a.example/on"},
            {"converse":"wss://a.example/media/v","settings":{"interrupted_by":"shouting"}}]"#;
        let reply = WebhookReply { content_type: "application/json", body: body.to_owned() };
        let steps = [
            Step::Stream("/media/t?x=1".to_owned()),
            Step::Say("Hi".to_owned()),
            Step::Pause(Duration::from_secs(2)),
            Step::Redirect("/next".to_owned()),
            Step::Play("https://a.example/a.wav".to_owned()),
            Step::Dial(Dial { number: "+46701740606".parse().unwrap(), screening: None, next: None }),
            Step::Dial(Dial {
                number: "+46701740607".parse().unwrap(),
                screening: Some("/screen".to_owned()),
                next: Some("/back".to_owned()),
            }),
            Step::Gather { says: vec!["Press 1.".to_owned()], next: Some("/key".to_owned()) },
            Step::Reject { busy: true },
            Step::HangUp,
            Step::Converse(Converse {
                socket: "/media/u".to_owned(),
                greeting: Some("Hi".to_owned()),
                interrupted_by: InterruptedBy::Keys,
                next: Some("/on".to_owned()),
            }),
        ];
        assert_eq!(read(&reply), steps);
        assert!(read(&WebhookReply { body: "not JSON".to_owned(), ..reply }).is_empty());
    }
}
