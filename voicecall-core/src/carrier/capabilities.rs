//! What a carrier can do.

/// What a carrier can do, for choosing before calling instead of failing in a call.
///
/// Every carrier connects a call to a media socket, plays files, dials, refuses calls and ends them with its steps. Whether
/// it carries out another step in the way it is written, [`reply`](super::VoiceBackend::reply) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceCapabilities {
    /// A call can be ended by a request at any time ([`VoiceBackend::hang_up`](super::VoiceBackend::hang_up)). Otherwise it
    /// ends with [`MediaCommand::Close`](crate::media::MediaCommand::Close), or by the answer to its next webhook.
    pub hang_up: bool,
    /// The carrier itself ends a call that becomes too long ([`PlaceCall::time_limit`](super::PlaceCall::time_limit)).
    pub time_limit: bool,
    /// A live call can be given new instructions at any time ([`VoiceBackend::update_call`](super::VoiceBackend::update_call)).
    pub update_call: bool,
    /// The carrier continues with the next step when the media socket closes.
    pub resumes_after_stream: bool,
    /// Keys pressed by the caller arrive over the media socket.
    pub keys: bool,
    /// Webhooks are signed, body and all. Otherwise only their address is secret, and what they report needs to be
    /// [confirmed](super::VoiceBackend::confirm).
    pub signed_webhooks: bool,
    /// The media socket's handshake is authenticated by the carrier itself.
    pub signed_media: bool,
    /// Each call's media socket can be given an address of its own, by
    /// [`StreamTarget::url`](super::StreamTarget::url). Otherwise the sockets of all calls come to one address
    /// ([`VoiceBackend::set_media_url`](super::VoiceBackend::set_media_url)), and only the stream's beginning names the call.
    pub media_addresses: bool,
    /// Conversations in text ([`CallStep::Converse`](super::CallStep::Converse)), in which the carrier hears and speaks.
    pub converse: bool,
    /// Who answered is found out ([`PlaceCall::machine_detection`](super::PlaceCall::machine_detection)).
    pub machine_detection: bool,
    /// What callers say is recognised ([`GatherInput::Speech`](super::GatherInput::Speech)).
    pub gathers_speech: bool,
    /// Callers can wait with music for another call ([`CallStep::Hold`](super::CallStep::Hold) and `Join`).
    pub hold: bool,
    /// Whoever is dialled can be asked before they are connected
    /// ([`DialNumber::screening_url`](super::DialNumber::screening_url)), as a warm transfer does.
    pub screening: bool,
    /// Calls are recorded: by [`PlaceCall::record`](super::PlaceCall::record), and while they are live
    /// ([`VoiceBackend::start_recording`](super::VoiceBackend::start_recording)).
    pub call_recordings: bool,
    /// Calls are recorded from a step of their flow on ([`CallStep::StartRecording`](super::CallStep::StartRecording)).
    pub flow_recordings: bool,
    /// Recordings can be listed and fetched ([`VoiceBackend::recording`](super::VoiceBackend::recording)).
    pub stored_recordings: bool,
    /// Recordings can be deleted ([`VoiceBackend::delete_recording`](super::VoiceBackend::delete_recording)).
    pub delete_recordings: bool,
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
            hang_up: false,
            time_limit: false,
            update_call: false,
            resumes_after_stream: false,
            keys: false,
            signed_webhooks: false,
            signed_media: false,
            media_addresses: false,
            converse: false,
            machine_detection: false,
            gathers_speech: false,
            hold: false,
            screening: false,
            call_recordings: false,
            flow_recordings: false,
            stored_recordings: false,
            delete_recordings: false,
            press: false,
            list: false,
            number_webhooks: false,
        }
    }

    /// A carrier that can do everything.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            hang_up: true,
            time_limit: true,
            update_call: true,
            resumes_after_stream: true,
            keys: true,
            signed_webhooks: true,
            signed_media: true,
            media_addresses: true,
            converse: true,
            machine_detection: true,
            gathers_speech: true,
            hold: true,
            screening: true,
            call_recordings: true,
            flow_recordings: true,
            stored_recordings: true,
            delete_recordings: true,
            press: true,
            list: true,
            number_webhooks: true,
        }
    }
}
