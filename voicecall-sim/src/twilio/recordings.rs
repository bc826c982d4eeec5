//! Recordings: of calls, of dialled connections and of messages, with the audio that was really on the line.

use std::collections::VecDeque;
use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::g711::mulaw;
use voicecall_core::audio::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

use super::exchange::Timer;
use super::sid::sid;
use super::twiml::RecordingSettings;
use super::webhook::Draft;
use super::{Exchange, LogEvent, WebhookKind};
use crate::phone::is_audible;

/// How long the carrier works on a recording after its end.
const PROCESSING: Duration = Duration::from_millis(500);

/// How far a recording has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordingState {
    InProgress,
    /// Whether silence stands for the pause.
    Paused {
        silence: bool,
    },
    Processing,
    Completed,
    Absent,
}

impl RecordingState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Paused { .. } => "paused",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Absent => "absent",
        }
    }

    /// Whether it goes on, or may.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::InProgress | Self::Paused { .. })
    }
}

/// One recording. The first channel is what the person on the call's line said, the second what they heard.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) sid: String,
    pub(super) call: usize,
    pub(super) name: Option<String>,
    pub(super) source: &'static str,
    pub(super) settings: RecordingSettings,
    pub(super) state: RecordingState,
    pub(super) started: CallTime,
    pub(super) deleted: bool,
    audio: VecDeque<(u8, u8)>,
}

impl Recording {
    pub(super) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.audio.len() as f64 / f64::from(SAMPLE_RATE))
    }

    /// Whole seconds as the carrier counts them.
    pub(super) fn seconds(&self) -> u64 {
        self.duration().as_secs_f64().round() as u64
    }

    pub(super) fn channels(&self) -> u8 {
        if self.settings.dual { 2 } else { 1 }
    }

    /// One channel, mu-law: what the person said, or what they heard.
    pub(super) fn channel(&self, channel: u8) -> Vec<u8> {
        let second = channel > 0;
        self.audio.iter().map(|&(said, heard)| if second { heard } else { said }).collect()
    }

    /// Whether the person said something.
    pub(super) fn has_speech(&self) -> bool {
        let spoken: Vec<u8> = self.audio.iter().map(|(said, _)| *said).collect();
        is_audible(&spoken)
    }

    fn append(&mut self, said: &Frame, heard: &Frame) {
        let (said, heard) = match self.state {
            RecordingState::InProgress => (said, heard),
            RecordingState::Paused { silence: true } => (&Frame::SILENCE, &Frame::SILENCE),
            _ => return,
        };
        self.audio.extend(said.as_bytes().iter().copied().zip(heard.as_bytes().iter().copied()));
    }

    /// Cuts off whole frames without sound at both ends.
    fn trim(&mut self) {
        let silent = |pair: &(u8, u8)| !is_audible(&[pair.0, pair.1]);
        let before = self.audio.iter().take_while(|pair| silent(pair)).count() / FRAME_SAMPLES * FRAME_SAMPLES;
        self.audio.drain(..before);
        let after = self.audio.iter().rev().take_while(|pair| silent(pair)).count() / FRAME_SAMPLES * FRAME_SAMPLES;
        self.audio.truncate(self.audio.len() - after);
    }

    /// A WAV file, 16-bit PCM, with as many channels as are asked for and there are.
    pub(super) fn wav(&self, channels: u8) -> Vec<u8> {
        let dual = channels == 2 && self.settings.dual;
        let pcm: Vec<u8> = self
            .audio
            .iter()
            .flat_map(|&(said, heard)| {
                let (said, heard) = (mulaw::decode(said), mulaw::decode(heard));
                let samples = if dual { vec![said, heard] } else { vec![said.saturating_add(heard)] };
                samples.into_iter().flat_map(i16::to_le_bytes)
            })
            .collect();
        wav(if dual { 2 } else { 1 }, &pcm)
    }
}

fn wav(channels: u16, pcm: &[u8]) -> Vec<u8> {
    let length = u32::try_from(pcm.len()).unwrap_or(u32::MAX - 36);
    let mut file = Vec::with_capacity(44 + pcm.len());
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(SAMPLE_RATE.to_le_bytes());
    file.extend((SAMPLE_RATE * u32::from(channels) * 2).to_le_bytes());
    file.extend((channels * 2).to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(pcm);
    file
}

impl Exchange {
    /// Begins a recording of a call; returns its index.
    pub(super) fn record(
        &mut self,
        now: CallTime,
        call: usize,
        source: &'static str,
        name: Option<String>,
        settings: RecordingSettings,
    ) -> usize {
        let sid = sid("RE", &mut self.rng);
        self.note(now, Some(call), LogEvent::RecordingStarted { recording: sid.clone() });
        self.recordings.push(Recording {
            sid,
            call,
            name,
            source,
            settings,
            state: RecordingState::InProgress,
            started: now,
            deleted: false,
            audio: VecDeque::new(),
        });
        let index = self.recordings.len() - 1;
        self.report_recording(now, index);
        index
    }

    /// Adds 20 ms to the call's open recordings.
    pub(super) fn tape(&mut self, call: usize, said: &Frame, heard: &Frame) {
        for recording in self.recordings.iter_mut().filter(|recording| recording.call == call) {
            recording.append(said, heard);
        }
    }

    /// Ends a recording; its audio can be had a little later.
    pub(super) fn stop_recording(&mut self, now: CallTime, index: usize) {
        let recording = &mut self.recordings[index];
        if recording.state.is_open() {
            recording.state = RecordingState::Processing;
            self.at(now + PROCESSING, Timer::Recorded(index));
        }
    }

    pub(super) fn stop_recordings(&mut self, now: CallTime, call: usize) {
        let of_call = |index: &usize| self.recordings[*index].call == call;
        let open: Vec<usize> = (0..self.recordings.len()).filter(of_call).collect();
        open.into_iter().for_each(|index| self.stop_recording(now, index));
    }

    /// The carrier has worked on a recording.
    pub(super) fn recorded(&mut self, now: CallTime, index: usize) {
        let recording = &mut self.recordings[index];
        if recording.settings.trim {
            recording.trim();
        }
        recording.state = if recording.audio.is_empty() { RecordingState::Absent } else { RecordingState::Completed };
        self.report_recording(now, index);
    }

    /// The call's open recording of that sid, or any if it is `Twilio.CURRENT`.
    pub(super) fn recording_of(&self, call: usize, sid: &str) -> Option<usize> {
        self.recordings.iter().position(|recording| {
            let named = recording.sid == sid || (sid == "Twilio.CURRENT" && recording.state.is_open());
            recording.call == call && named && !recording.deleted
        })
    }

    /// The fields that tell of a recording, in reports and when a message is finished.
    pub(super) fn recording_form(&self, index: usize) -> Vec<(String, String)> {
        let recording = &self.recordings[index];
        let account = &self.options.accounts[self.calls[recording.call].account].sid;
        let url = format!("https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{}", recording.sid);
        let fields = [
            ("RecordingSid", recording.sid.clone()),
            ("RecordingUrl", url),
            ("RecordingDuration", recording.seconds().to_string()),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn report_recording(&mut self, now: CallTime, index: usize) {
        let recording = &self.recordings[index];
        let Some((address, events)) = recording.settings.callback.clone() else { return };
        let status = recording.state.as_str();
        if !events.iter().any(|event| event == status) {
            return;
        }
        let call = &self.calls[recording.call];
        let mut form = vec![
            ("AccountSid".to_owned(), self.options.accounts[call.account].sid.clone()),
            ("CallSid".to_owned(), call.sid.clone()),
        ];
        form.extend(self.recording_form(index));
        let more = [
            ("RecordingStatus", status.to_owned()),
            ("RecordingChannels", recording.channels().to_string()),
            ("RecordingStartTime", super::json::date(self.timestamp(recording.started))),
            ("RecordingSource", recording.source.to_owned()),
            ("RecordingTrack", "both".to_owned()),
        ];
        form.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        if recording.state == RecordingState::Absent {
            form.push(("ErrorCode".to_owned(), "16101".to_owned()));
        }
        let (sid, call) = (call.sid.clone(), recording.call);
        let address = self.resolved(call, address);
        self.webhook(now, call, Draft { call: &sid, kind: WebhookKind::Recording, address: &address, form });
    }
}
