//! The messages of the application, read as strictly as the carrier reads them.

use serde::Deserialize;
use serde_json::Value;

/// What the application wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RelayCommand {
    Text { token: String, last: bool, interruptible: Option<bool> },
    Play { source: String, interruptible: bool },
    SendDigits(String),
    Language { speech: Option<String>, transcription: Option<String> },
    End { handoff: Option<String> },
}

/// Why a message is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is of a known type, and not as that type is.
    Invalid,
    /// Nobody knows what it is.
    Unidentified,
}

#[derive(Deserialize)]
struct Text {
    token: String,
    #[serde(default)]
    last: bool,
    interruptible: Option<bool>,
}

#[derive(Deserialize)]
struct Play {
    source: String,
    interruptible: Option<bool>,
}

#[derive(Deserialize)]
struct SendDigits {
    digits: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Language {
    tts_language: Option<String>,
    transcription_language: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct End {
    handoff_data: Option<String>,
}

pub(super) fn read(text: &str) -> Result<RelayCommand, Refused> {
    let message: Value = serde_json::from_str(text).map_err(|_| Refused::Unidentified)?;
    let kind = message.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "text" => {
            let Text { token, last, interruptible } = of(message)?;
            Ok(RelayCommand::Text { token, last, interruptible })
        }
        "play" => {
            let Play { source, interruptible } = of(message)?;
            Ok(RelayCommand::Play { source, interruptible: interruptible.unwrap_or(true) })
        }
        "sendDigits" => {
            let SendDigits { digits } = of(message)?;
            let known = |key: char| key.is_ascii_digit() || matches!(key, 'w' | '#' | '*');
            let fits = !digits.is_empty() && digits.chars().all(known);
            if fits { Ok(RelayCommand::SendDigits(digits)) } else { Err(Refused::Invalid) }
        }
        "language" => match of(message)? {
            Language { tts_language: None, transcription_language: None } => Err(Refused::Invalid),
            Language { tts_language: speech, transcription_language: transcription } => {
                Ok(RelayCommand::Language { speech, transcription })
            }
        },
        "end" => {
            let End { handoff_data: handoff } = of(message)?;
            Ok(RelayCommand::End { handoff })
        }
        _ => Err(Refused::Unidentified),
    }
}

fn of<T: for<'a> Deserialize<'a>>(message: Value) -> Result<T, Refused> {
    serde_json::from_value(message).map_err(|_| Refused::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_with_wrong_fields_are_invalid_and_others_are_unidentified() {
        let text = RelayCommand::Text { token: " a".into(), last: false, interruptible: None };
        assert_eq!(read(r#"{"type":"text","token":" a"}"#), Ok(text));
        assert_eq!(read(r##"{"type":"sendDigits","digits":"1w#"}"##), Ok(RelayCommand::SendDigits("1w#".into())));
        assert_eq!(read(r#"{"type":"end","handoffData":"x"}"#), Ok(RelayCommand::End { handoff: Some("x".into()) }));
        let invalid = [
            r#"{"type":"text"}"#,
            r#"{"type":"text","token":7}"#,
            r#"{"type":"sendDigits","digits":"A"}"#,
            r#"{"type":"sendDigits","digits":""}"#,
            r#"{"type":"language"}"#,
            r#"{"type":"play"}"#,
        ];
        for text in invalid {
            assert_eq!(read(text), Err(Refused::Invalid), "{text}");
        }
        for text in ["", "{", "7", "{}", r#"{"type":7}"#, r#"{"type":"dance"}"#] {
            assert_eq!(read(text), Err(Refused::Unidentified), "{text}");
        }
    }
}
