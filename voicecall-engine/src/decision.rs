//! What an application decides about a call that came in.

use url::Url;
use voicecall_core::PhoneNumber;

use super::plan::CallPlan;

/// What becomes of a call that came in. `P` is how the call is conducted: a [`CallPlan`] for the engine.
#[derive(Debug)]
#[non_exhaustive]
pub enum IncomingDecision<P = CallPlan> {
    /// It is answered, and conducted like this.
    Connect(P),
    /// It is not answered: the caller hears that the number is not in service.
    Reject,
    /// It is not answered: the caller hears that the line is busy.
    Busy,
    /// It is answered by the carrier's voice, which says this text in this language (BCP 47) and hangs up.
    Say(String, String),
    /// It is answered with this sound file, then ended.
    Play(Url),
    /// It is connected to this number, without us.
    Forward(PhoneNumber),
}

impl<P> IncomingDecision<P> {
    /// Answers the call.
    pub fn connect(plan: impl Into<P>) -> Self {
        Self::Connect(plan.into())
    }

    /// The caller hears that the number is not in service.
    #[must_use]
    pub const fn reject() -> Self {
        Self::Reject
    }

    /// The caller hears that the line is busy.
    #[must_use]
    pub const fn busy() -> Self {
        Self::Busy
    }

    /// The carrier's voice says `text` in `language` (BCP 47) and hangs up.
    pub fn say(text: impl Into<String>, language: impl Into<String>) -> Self {
        Self::Say(text.into(), language.into())
    }

    /// Plays a sound file and hangs up.
    #[must_use]
    pub const fn play(url: Url) -> Self {
        Self::Play(url)
    }

    /// Connects the caller to `number`; our part in the call ends with that.
    #[must_use]
    pub const fn forward(number: PhoneNumber) -> Self {
        Self::Forward(number)
    }

    /// The same decision, with another way to conduct the call.
    ///
    /// # Errors
    /// What `f` reports.
    pub fn try_map<Q, E>(self, f: impl FnOnce(P) -> Result<Q, E>) -> Result<IncomingDecision<Q>, E> {
        Ok(match self {
            Self::Connect(plan) => IncomingDecision::Connect(f(plan)?),
            Self::Reject => IncomingDecision::Reject,
            Self::Busy => IncomingDecision::Busy,
            Self::Say(text, language) => IncomingDecision::Say(text, language),
            Self::Play(url) => IncomingDecision::Play(url),
            Self::Forward(number) => IncomingDecision::Forward(number),
        })
    }
}
