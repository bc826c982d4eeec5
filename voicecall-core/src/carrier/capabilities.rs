//! What a carrier can do.

/// What a carrier can do, for choosing before calling instead of failing in a call.
///
/// Every carrier says, plays, pauses, gathers keys, dials, records messages, redirects and hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceCapabilities {
    /// A live call can be given new instructions at any time ([`VoiceBackend::update_call`](super::VoiceBackend::update_call)).
    pub update_call: bool,
    /// The carrier continues with the next step when the media socket closes.
    pub resumes_after_stream: bool,
    /// Keys pressed by the caller arrive over the media socket.
    pub keys: bool,
    /// The media socket's handshake is authenticated by the carrier itself.
    pub signed_media: bool,
    /// Who answered is found out ([`PlaceCall::machine_detection`](super::PlaceCall::machine_detection)).
    pub machine_detection: bool,
    /// What callers say is recognised ([`GatherInput::Speech`](super::GatherInput::Speech)).
    pub gathers_speech: bool,
    /// Callers can wait with music for another call ([`CallStep::Hold`](super::CallStep::Hold) and `Join`).
    pub hold: bool,
    /// Calls are recorded: by [`PlaceCall::record`](super::PlaceCall::record), in flows, and while they are live
    /// ([`VoiceBackend::start_recording`](super::VoiceBackend::start_recording)).
    pub call_recordings: bool,
    /// Recordings can be listed, fetched and deleted ([`VoiceBackend::recording`](super::VoiceBackend::recording)).
    pub stored_recordings: bool,
    /// Keys can be pressed in a live call ([`VoiceBackend::press`](super::VoiceBackend::press)).
    pub press: bool,
    /// Calls can be listed ([`VoiceBackend::list`](super::VoiceBackend::list)).
    pub list: bool,
    /// It can be read and set where the carrier turns to about calls to a number
    /// ([`VoiceBackend::set_number_webhooks`](super::VoiceBackend::set_number_webhooks)).
    pub number_webhooks: bool,
}

impl VoiceCapabilities {
    /// A carrier that can do none of the optional things.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            update_call: false,
            resumes_after_stream: false,
            keys: false,
            signed_media: false,
            machine_detection: false,
            gathers_speech: false,
            hold: false,
            call_recordings: false,
            stored_recordings: false,
            press: false,
            list: false,
            number_webhooks: false,
        }
    }

    /// A carrier that can do everything.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            update_call: true,
            resumes_after_stream: true,
            keys: true,
            signed_media: true,
            machine_detection: true,
            gathers_speech: true,
            hold: true,
            call_recordings: true,
            stored_recordings: true,
            press: true,
            list: true,
            number_webhooks: true,
        }
    }
}
