//! Call actions as the carrier reads them.

use serde_json::Value;

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) what: What,
    pub(super) next: Option<Next>,
    /// Where the call's end is reported from now on.
    pub(super) whenhangup: Option<String>,
    /// Where a recording of the call from now on is reported.
    pub(super) recordcall: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Connect { numbers: Vec<String>, busy: Option<Next>, failed: Option<Next> },
    Play(String),
    Ivr { digits: usize, timeout: u64 },
    Record { told: String, limit: u64 },
    Hangup(String),
}

/// What follows: an address to be asked, or an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Ask(String),
    Do(Box<Action>),
}

/// Reads an answer. What is wrong with it is told in the words of whoever has to look for it.
pub(super) fn parse(text: &str) -> Result<Action, String> {
    read(&serde_json::from_str(text).map_err(|error| error.to_string())?)
}

fn read(value: &Value) -> Result<Action, String> {
    let fields = value.as_object().ok_or("an action is an object")?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    // Numbers come as numbers or as strings.
    let number = |name: &str, otherwise: u64| {
        fields.get(name).and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(otherwise)
    };
    let follows = |name: &str| fields.get(name).map(next).transpose();
    let names = ["connect", "play", "ivr", "record", "hangup"];
    let known: Vec<&str> = names.into_iter().filter(|name| fields.contains_key(*name)).collect();
    let [name] = *known else { return Err(format!("one action, and not {known:?}")) };
    let value = text(name).ok_or_else(|| format!("`{name}` is text"))?;
    let what = match name {
        "connect" => What::Connect {
            numbers: value.split(',').map(str::to_owned).collect(),
            busy: follows("busy")?,
            failed: follows("failed")?,
        },
        "play" => What::Play(value),
        "ivr" => {
            // What is out of range is ten seconds.
            let timeout = Some(number("timeout", 10)).filter(|seconds| (1..=30).contains(seconds)).unwrap_or(10);
            What::Ivr { digits: number("digits", 1) as usize, timeout }
        }
        "record" => What::Record { told: value, limit: number("timelimit", 120) },
        _ => What::Hangup(value),
    };
    let action =
        Action { what, next: follows("next")?, whenhangup: text("whenhangup"), recordcall: text("recordcall") };
    match action.what {
        What::Hangup(_) if action.next.is_some() => Err("nothing follows a `hangup`".to_owned()),
        _ => Ok(action),
    }
}

fn next(value: &Value) -> Result<Next, String> {
    match value {
        Value::String(url) => Ok(Next::Ask(url.clone())),
        other => Ok(Next::Do(Box::new(read(other)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_lie_one_within_the_other() {
        let text = r#"{"connect":"+46700000001,+46700000002","busy":{"hangup":"busy"},"whenhangup":"https://a.example/end",
            "next":{"ivr":"https://a.example/menu.wav","timeout":"31","next":"https://a.example/keys"}}"#;
        let action = parse(text).unwrap();
        let What::Connect { numbers, busy, failed } = action.what else { panic!("{action:?}") };
        assert_eq!((numbers.len(), failed), (2, None));
        assert!(matches!(busy, Some(Next::Do(busy)) if busy.what == What::Hangup("busy".to_owned())));
        let Some(Next::Do(ivr)) = action.next else { panic!("no next") };
        assert_eq!(ivr.what, What::Ivr { digits: 1, timeout: 10 });
        assert_eq!(ivr.next, Some(Next::Ask("https://a.example/keys".to_owned())));
    }

    #[test]
    fn what_is_no_action_is_refused() {
        let wrong = [
            "",
            "[]",
            "{}",
            r#"{"say":"Hi"}"#,
            r#"{"play":"a","ivr":"b"}"#,
            r#"{"play":1}"#,
            r#"{"hangup":"busy","next":"https://a.example"}"#,
            r#"{"play":"a","next":{}}"#,
        ];
        for text in wrong {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
