//! Letting a caller wait with music until another call takes them over.

use url::Url;

use super::HoldName;

/// Lets the caller wait, with music, until another call joins them ([`CallStep::Join`](crate::carrier::CallStep::Join)).
///
/// A transfer with hold music is made of it: send the caller to `Hold` with [`update_call`](crate::carrier::VoiceBackend::update_call), [`place`](crate::carrier::VoiceBackend::place)
/// a call to the target, and answer the target's request for instructions with `Join` of the same name. If the target
/// does not answer, let the caller out, either with `update_call` or, without a race against an answer, by answering the next
/// [`CarrierEventKind::Holding`](crate::carrier::CarrierEventKind::Holding) with
/// [`CallStep::Leave`](crate::carrier::CallStep::Leave). Either way the caller is back with our instructions. Give
/// each transfer a name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// Under which name.
    pub name: HoldName,
    /// Asked, again and again, for what is played and said meanwhile, with
    /// [`CarrierEventKind::Holding`](crate::carrier::CarrierEventKind::Holding); the carrier's own music if absent.
    pub music_url: Option<Url>,
    /// Asked for the next steps when the wait or the connection after it has ended, with
    /// [`CarrierEventKind::HoldEnded`](crate::carrier::CarrierEventKind::HoldEnded); the next step of the flow follows
    /// if absent.
    pub next: Option<Url>,
}

impl Hold {
    /// Waits with the carrier's own music.
    #[must_use]
    pub const fn new(name: HoldName) -> Self {
        Self { name, music_url: None, next: None }
    }
}
