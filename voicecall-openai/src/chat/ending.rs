//! How a model says that it has ended, and which of these endings leave a whole answer.

use voicecall_core::{Error, ErrorKind, Result};

use super::OPERATION;
use crate::wire::failure;

/// The words for an end that the model chose.
const WHOLE: [&str; 15] = [
    "stop",
    "eos",
    "eos_token",
    "stop_token",
    "stop_sequence",
    "end_turn",
    "end",
    "complete",
    "completed",
    "finished",
    "tool_calls",
    "tool_call",
    "tool_use",
    "function_call",
    "done",
];

/// The words for an end at the limit.
const CUT: [&str; 5] = ["length", "max_tokens", "max_output_tokens", "max_length", "model_length"];

/// The words for an end by a filter.
const FILTERED: [&str; 7] =
    ["content_filter", "content_filtered", "safety", "sensitive", "recitation", "blocklist", "prohibited_content"];

/// How a model ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself.
    Whole,
    /// At the limit of tokens.
    Cut,
    /// It refused.
    Refused,
    /// A filter ended it.
    Filtered,
    /// In any other way: aborted, timed out, failed. The server's word for it, if that is a name.
    Failed(Option<String>),
}

impl Ending {
    /// Reads a `finish_reason`. A word that nobody knows is a failure: half an answer must not pass for a whole one.
    pub(super) fn read(reason: &str) -> Self {
        let reason = reason.trim().to_ascii_lowercase();
        let is_in = |words: &[&str]| words.contains(&reason.as_str());
        if is_in(&WHOLE) {
            Self::Whole
        } else if is_in(&CUT) {
            Self::Cut
        } else if reason == "refusal" {
            Self::Refused
        } else if is_in(&FILTERED) {
            Self::Filtered
        } else {
            Self::Failed(failure::name(&reason))
        }
    }

    /// Nothing, or why the answer is not whole.
    pub(super) fn verdict(self) -> Result<()> {
        let error = |kind, code| Err(Error::new(kind, OPERATION).with_code(code));
        match self {
            Self::Whole => Ok(()),
            Self::Cut => error(ErrorKind::Rejected, "length".to_owned()),
            Self::Refused => error(ErrorKind::Rejected, "refusal".to_owned()),
            Self::Filtered => error(ErrorKind::Rejected, "content_filter".to_owned()),
            Self::Failed(code) => {
                let kind = match code.as_deref() {
                    Some("timeout") => ErrorKind::Timeout,
                    _ => ErrorKind::Unavailable,
                };
                error(kind, code.unwrap_or_else(|| "unknown".to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_end_well() {
        for reason in ["stop", "STOP", "eos", "end_turn", "COMPLETE", "stop_sequence", "tool_calls", "function_call"] {
            assert!(Ending::read(reason).verdict().is_ok(), "{reason}");
        }
        for (reason, kind, code) in [
            ("length", ErrorKind::Rejected, "length"),
            ("MAX_TOKENS", ErrorKind::Rejected, "length"),
            ("content_filter", ErrorKind::Rejected, "content_filter"),
            ("SAFETY", ErrorKind::Rejected, "content_filter"),
            ("refusal", ErrorKind::Rejected, "refusal"),
            ("abort", ErrorKind::Unavailable, "abort"),
            ("error", ErrorKind::Unavailable, "error"),
            ("cancelled", ErrorKind::Unavailable, "cancelled"),
            ("insufficient_system_resource", ErrorKind::Unavailable, "insufficient_system_resource"),
            ("timeout", ErrorKind::Timeout, "timeout"),
            ("the caller said 0701234567", ErrorKind::Unavailable, "unknown"),
        ] {
            let error = Ending::read(reason).verdict().unwrap_err();
            assert_eq!((error.kind(), error.code()), (kind, Some(code)), "{reason}");
        }
    }
}
