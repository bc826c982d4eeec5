//! The ears: from audio to words.

use std::sync::{Arc, OnceLock};

use voicecall_core::audio::g711::mulaw;

use super::Heard;
use super::choose::choose;
use super::search::Search;
use super::signal::Padded;
use super::verify::{self, Reading, Recording};
use crate::clips::{Clip, Library};

/// Tells which recorded words are in a piece of audio. See the [module](super) on what this is not.
///
/// ClipMatcher are cheap to clone, and costly to make: about as much as listening to a minute.
#[derive(Clone, Debug)]
pub struct ClipMatcher {
    recordings: Arc<[Recording]>,
    search: Arc<Search>,
    /// Samples of the longest recording.
    longest: usize,
}

impl ClipMatcher {
    /// ClipMatcher that know the clips of a library.
    pub fn new(library: &Library) -> Self {
        let recordings: Arc<[_]> = library.all().iter().map(Recording::from).collect();
        let search = Arc::new(Search::new(&recordings));
        let longest = recordings.iter().map(|recording| recording.samples.len()).max().unwrap_or(0);
        Self { recordings, search, longest }
    }

    /// ClipMatcher that know the bundled clips. They are made once.
    pub fn bundled() -> &'static Self {
        static BUNDLED: OnceLock<ClipMatcher> = OnceLock::new();
        BUNDLED.get_or_init(|| Self::new(Library::bundled()))
    }

    /// Tells which words are in audio of 8 kHz.
    pub fn listen(&self, pcm: &[i16]) -> Heard {
        let audio = Padded::new(pcm, self.longest);
        Heard { words: choose(&self.readings(&audio), &self.recordings) }
    }

    /// Every way to lay a recording over the audio that is worth comparing.
    fn readings(&self, audio: &Padded) -> Vec<Reading> {
        let mut readings: Vec<Reading> = Vec::new();
        for place in self.search.places(audio.audio()) {
            let recording = &self.recordings[place.recording];
            let Some(alignment) = verify::align(audio, recording, &place) else { continue };
            // The phrases of one sentence find it at the same place.
            let known = readings
                .iter()
                .any(|reading| reading.recording == place.recording && reading.offset.abs_diff(alignment.offset) <= 1);
            if known {
                continue;
            }
            if let Some(fits) = verify::compare(audio, recording, alignment) {
                readings.push(Reading { recording: place.recording, offset: alignment.offset, fits });
            }
        }
        readings
    }
}

impl From<&Clip> for Recording {
    fn from(clip: &Clip) -> Self {
        Self {
            speaker: clip.speaker().to_owned(),
            words: clip.words().to_vec(),
            samples: clip.audio().iter().map(|&code| f32::from(mulaw::decode(code))).collect(),
        }
    }
}
