//! When and how often somebody is tried.

use std::time::Duration;

use super::voicemail::Voicemail;
use voicecall_core::store::EndReason;
use voicecall_core::{AccountName, CallHours, PhoneNumber};

/// How the person of a session may be called. Asked of the service before every attempt, so that changes take effect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DialPolicy {
    /// Through which account; the preferred one of the registry unless given.
    pub account: Option<AccountName>,
    /// From which of the account's numbers; its first unless given.
    pub from: Option<PhoneNumber>,
    /// When people may be called; `None` for always.
    pub hours: Option<CallHours>,
    /// How often the phone rings at most, but for calls that were [asked for](Self::call_back).
    pub max_attempts: u32,
    /// How long to wait after an attempt that reached nobody.
    pub backoff: Backoff,
    /// A session that has reached nobody after this time, counted from the request, or from the time at which the person asked to
    /// be called again, is given up.
    pub give_up_after: Duration,
    /// What becomes of calls that a machine answers.
    pub voicemail: Voicemail,
    /// Whether and when a person is called again who asks for it on the line.
    pub call_back: CallBackPolicy,
}

impl DialPolicy {
    /// One attempt, at any hour, with whoever or whatever answers.
    #[must_use]
    pub fn once() -> Self {
        Self {
            account: None,
            from: None,
            hours: None,
            max_attempts: 1,
            backoff: Backoff::default(),
            give_up_after: Duration::from_secs(48 * 3600),
            voicemail: Voicemail::Undetected,
            call_back: CallBackPolicy::default(),
        }
    }

    /// How long to wait before the next attempt, after `attempts` of which the last ended for `reason`; `None` if there
    /// is to be none.
    #[must_use]
    pub fn retry(&self, reason: EndReason, attempts: u32) -> Option<Duration> {
        (attempts < self.max_attempts).then(|| self.backoff.after(reason, attempts)).flatten()
    }
}

/// How people are called again who ask for it on the line, beside the attempts that it takes to reach them: in permitted hours,
/// within the contact limits, and never who asked not to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallBackPolicy {
    /// How often a session follows such a wish, each time with one more call; 0 for never. The session then ends as `call_back`.
    pub calls: u32,
    /// How long to wait if no time was named, or it has passed.
    pub wait: Duration,
    /// A wish for a later time than this from now is not followed.
    pub within: Duration,
}

impl Default for CallBackPolicy {
    /// One more call: in two hours unless a time is named, and within 14 days.
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self { calls: 1, wait: HOUR * 2, within: HOUR * 24 * 14 }
    }
}

/// How long to wait, by why nobody was reached. Doubled with each attempt, up to [`Backoff::longest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// After a busy line: somebody is there.
    pub busy: Duration,
    /// After nobody answered.
    pub no_answer: Duration,
    /// After the network could not connect the call.
    pub failed: Duration,
    /// After a machine answered: nobody is there.
    pub voicemail: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            busy: MINUTE * 10,
            no_answer: MINUTE * 60,
            failed: MINUTE * 5,
            voicemail: MINUTE * 240,
            longest: MINUTE * 60 * 24,
        }
    }
}

impl Backoff {
    /// The wait after `attempts` of which the last ended for `reason`; `None` for reasons that are final.
    #[must_use]
    pub fn after(&self, reason: EndReason, attempts: u32) -> Option<Duration> {
        let first = match reason {
            EndReason::Busy => self.busy,
            EndReason::NoAnswer => self.no_answer,
            EndReason::CallFailed => self.failed,
            EndReason::Voicemail => self.voicemail,
            _ => return None,
        };
        let doubled = 2u32.saturating_pow(attempts.saturating_sub(1).min(16));
        Some(first.saturating_mul(doubled).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_last_attempt() {
        let policy = DialPolicy { max_attempts: 3, ..DialPolicy::once() };
        let minutes = |reason, attempts| policy.retry(reason, attempts).map(|wait| wait.as_secs() / 60);
        assert_eq!([1, 2, 3].map(|attempts| minutes(EndReason::Busy, attempts)), [Some(10), Some(20), None]);
        assert_eq!(minutes(EndReason::Declined, 1), None, "who was reached is not called again");
        let patient = DialPolicy { max_attempts: 99, ..policy };
        assert_eq!(patient.retry(EndReason::Busy, 40), Some(Duration::from_secs(24 * 3600)));
    }
}
