//! How far a call has come on its line, and what follows from what the carrier says of it.

use std::time::Duration;

use super::io::Effect;
use crate::store::EndReason;
use crate::time::CallTime;

/// A carrier that has stopped a stream says within this time what has become of the call.
const NEWS_WITHIN: Duration = Duration::from_secs(2);

/// How far the call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineState {
    /// The stream has not started.
    Ringing,
    Live,
    /// The call ends once everything queued was heard.
    Ending(EndReason),
    /// The carrier was asked to connect the call to somebody else; until this instant the stream may stop.
    Leaving(CallTime),
    /// The stream has stopped. Unless the carrier says otherwise before this instant, the caller has hung up.
    Stopped(CallTime),
    /// The line is gone; words still on their way are awaited.
    Over,
}

/// What the carrier says of the call itself, beside the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CarrierNews {
    /// It is over.
    Ended,
    /// It goes on without the stream; said at this instant.
    Continues(CallTime),
}

/// What follows for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    Nothing,
    /// The stream is over; until this instant it may be told whether the call is.
    Stopped(CallTime),
    CallerGone,
    /// The stream is gone, and the caller perhaps still there.
    Lost,
    /// The carrier connects the call to somebody else.
    Transferred,
}

impl LineState {
    /// Whether the agent and the caller hear each other.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Ending(_) | Self::Leaving(_))
    }

    /// The carrier has ended the stream. It does so when the caller hangs up, and when the call is redirected: until it
    /// is known which, nobody has hung up.
    pub(super) fn stopped(self, news: Option<CarrierNews>, now: CallTime) -> LineEnd {
        match (self, news) {
            (Self::Stopped(_) | Self::Over, _) => LineEnd::Nothing,
            (Self::Leaving(_), _) => LineEnd::Transferred,
            (Self::Ringing | Self::Ending(_), _) | (_, Some(CarrierNews::Ended)) => LineEnd::CallerGone,
            (_, Some(CarrierNews::Continues(at))) if now.since(at) <= NEWS_WITHIN => LineEnd::Lost,
            _ => LineEnd::Stopped(now + NEWS_WITHIN),
        }
    }

    /// The socket is gone. Behind a stream that has stopped that is no news.
    pub(super) const fn disconnected(self, news: Option<CarrierNews>) -> LineEnd {
        match (self, news) {
            (Self::Stopped(_), _) => LineEnd::Nothing,
            (Self::Leaving(_), _) => LineEnd::Transferred,
            (_, Some(CarrierNews::Ended)) => LineEnd::CallerGone,
            _ => LineEnd::Lost,
        }
    }

    /// Takes in what the carrier says of the call, which it may do before its stream has stopped here.
    pub(super) fn carrier_says(self, said: CarrierNews, news: &mut Option<CarrierNews>) -> LineEnd {
        match (self, said) {
            (Self::Stopped(_) | Self::Leaving(_), CarrierNews::Ended) => return LineEnd::CallerGone,
            (Self::Stopped(_), CarrierNews::Continues(_)) => return LineEnd::Lost,
            // A call that is over does not continue, whatever is told later.
            _ if *news == Some(CarrierNews::Ended) => {}
            _ => *news = Some(said),
        }
        LineEnd::Nothing
    }

    /// How the call ends when the line goes now, if it has not ended: for this reason and with this effect, unless it was
    /// ending anyway.
    pub(super) fn ends_with(self, reason: EndReason, effect: Effect) -> Option<(EndReason, Effect)> {
        match self {
            Self::Over => None,
            // Hanging up during the goodbye is no reason of its own, and nobody is called back for the rest of it.
            Self::Ending(reason) => Some((reason, Effect::HangUp(reason))),
            Self::Ringing | Self::Live | Self::Leaving(_) | Self::Stopped(_) => Some((reason, effect)),
        }
    }
}
