//! Listens to a line as it comes, frame by frame.

use std::collections::VecDeque;

use voicecall_core::audio::g711::mulaw;

use super::{ClipMatcher, Heard};
use crate::clips::RATE;

/// A pause that ends an utterance: 300 ms. Pauses within a clip are at most 200 ms.
const PAUSE: usize = RATE * 300 / 1000;
/// Samples kept from before the sound began, for its soft start.
const PREROLL: usize = RATE / 10;
/// The longest utterance: a minute. Sound that goes on is cut there.
const LONGEST: usize = RATE * 60;
/// The loudness that is never silence, and the least that may be sound, as mean squares.
const LOUD: f32 = 1_000.0 * 1_000.0;
const FAINT: f32 = 40.0 * 40.0;
/// How much louder than the line's noise a sound is: 6 dB.
const ABOVE_NOISE: f32 = 4.0;

/// Hears a line in frames of mu-law and tells what was said at each pause.
///
/// ```
/// use voicecall_sim::clips::Library;
/// use voicecall_sim::matcher::{ClipMatcher, Listener};
///
/// let mut line = Library::bundled().voice("agent", "Är du kvar?")?.audio;
/// line.extend([0xFF; 4_000]);
/// let mut listener = Listener::new(ClipMatcher::bundled().clone());
/// let heard = line.chunks(160).find_map(|frame| listener.hear(frame));
/// assert_eq!(heard.map(|utterance| utterance.heard.text()).as_deref(), Some("Är du kvar?"));
/// # Ok::<(), voicecall_sim::clips::NoClip>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    ears: ClipMatcher,
    /// Samples of the line so far.
    now: usize,
    /// The loudness of the quietest frames, as a mean square.
    noise: f32,
    recent: VecDeque<i16>,
    /// The utterance so far, with its pre-roll, and how long it has been silent.
    sound: Option<(Vec<i16>, usize)>,
}

/// Sound between two pauses.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Utterance {
    /// What was heard, which may be nothing. Places are counted from the start of the line.
    pub heard: Heard,
    /// The first sample, counted from the start of the line.
    pub start: usize,
    /// The sample after the last, pause included.
    pub end: usize,
}

impl Listener {
    /// A listener at the start of a line.
    pub fn new(ears: ClipMatcher) -> Self {
        Self { ears, now: 0, noise: LOUD, recent: VecDeque::new(), sound: None }
    }

    /// Hears the next frame. Returns an utterance when the frame completes the pause after it.
    pub fn hear(&mut self, frame: &[u8]) -> Option<Utterance> {
        let loud = self.is_loud(frame);
        self.now += frame.len();
        let pcm = frame.iter().map(|&code| mulaw::decode(code));
        if let Some((sound, silent)) = &mut self.sound {
            sound.extend(pcm);
            *silent = if loud { 0 } else { *silent + frame.len() };
            if *silent >= PAUSE || sound.len() >= LONGEST {
                return self.finish();
            }
        } else {
            self.recent.extend(pcm);
            if loud {
                self.sound = Some((self.recent.drain(..).collect(), 0));
            } else {
                let excess = self.recent.len().saturating_sub(PREROLL);
                self.recent.drain(..excess);
            }
        }
        None
    }

    /// What can be told of the utterance that is under way, which goes on.
    pub fn so_far(&self) -> Option<Utterance> {
        let (sound, _) = self.sound.as_ref()?;
        Some(self.understand(sound))
    }

    /// Ends the utterance that is under way, as when the line is closed.
    pub fn finish(&mut self) -> Option<Utterance> {
        let (sound, _) = self.sound.take()?;
        Some(self.understand(&sound))
    }

    /// What was said in a sound that ends now.
    fn understand(&self, sound: &[i16]) -> Utterance {
        let start = self.now - sound.len();
        let mut heard = self.ears.listen(sound);
        for word in &mut heard.words {
            word.start += start;
            word.end += start;
        }
        Utterance { heard, start, end: self.now }
    }

    /// Whether a frame stands out from the noise of the line, which follows the quietest frames at
    /// once and rises slowly.
    fn is_loud(&mut self, frame: &[u8]) -> bool {
        let square = |&code: &u8| f32::from(mulaw::decode(code)).powi(2);
        let loudness = frame.iter().map(square).sum::<f32>() / frame.len().max(1) as f32;
        self.noise = (self.noise * 1.01).min(loudness).max(FAINT / ABOVE_NOISE);
        loudness > (self.noise * ABOVE_NOISE).min(LOUD)
    }
}
