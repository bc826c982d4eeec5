//! The buffer into which the caller's audio goes until it is committed.

use super::error::EventError;
use super::format::Format;
use super::item::CallerAudio;

/// The least that can be committed, in milliseconds.
const LEAST: f64 = 100.0;

/// The most that is kept, in bytes: over ten minutes of the widest format.
const MOST: usize = 32 << 20;

/// Audio that is not committed yet, all of one format.
#[derive(Debug, Default)]
pub(super) struct InputBuffer(Vec<u8>);

impl InputBuffer {
    pub(super) fn append(&mut self, audio: &[u8]) -> Result<(), EventError> {
        if self.0.len() + audio.len() > MOST {
            let message = format!("the simulated service keeps at most {MOST} bytes that are not committed");
            return Err(EventError::conflict("input_audio_buffer_full", message));
        }
        self.0.extend_from_slice(audio);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes what was said.
    pub(super) fn commit(&mut self, format: Format) -> Result<CallerAudio, EventError> {
        let there = format.milliseconds(self.0.len());
        if there < LEAST {
            return Err(EventError::conflict(
                "input_audio_buffer_commit_empty",
                format!(
                    "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, \
                     but buffer only has {there:.2}ms of audio."
                ),
            ));
        }
        Ok(CallerAudio { format, audio: std::mem::take(&mut self.0), transcript: None, heard: None })
    }
}
