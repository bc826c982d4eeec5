//! What the callers of the load say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use voicecall::CallTime;
use voicecall::audio::{Detection, FRAME_DURATION, FRAME_SAMPLES, Frame, Pcm};
use voicecall::call::{Turn, TurnEvent, TurnSettings};
use voicecall_sim::clips::{Clip, Library};

/// What is on the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// A caller who speaks 35 % of the time, over noise of -60 dBFS.
    Conversation,
    /// A caller who never stops, without noise.
    Continuous,
    /// The quietest steps of mu-law, which no detector takes for more.
    Silence,
}

/// Of a hundred samples of a conversation, so many are the caller's.
const SPEECH_SHARE: usize = 35;

/// Noise of -60 dBFS, as an RMS.
const NOISE_RMS: f32 = 32.768;

/// An endless sound, the same in every run. Each caller begins somewhere else in it.
#[derive(Debug)]
pub(crate) struct Sound {
    frames: Vec<Frame>,
    payloads: Vec<String>,
}

impl Sound {
    pub(crate) fn new(signal: Signal) -> Self {
        let frames = match signal {
            Signal::Conversation => frames(&noisy(sentences(100 - SPEECH_SHARE))),
            Signal::Continuous => frames(&sentences(0)),
            Signal::Silence => vec![Frame::from(std::array::from_fn(|at| [0x7F, 0x7E, 0xFE][at % 3]))],
        };
        let payloads = frames.iter().map(|frame| STANDARD.encode(frame.as_bytes())).collect();
        Self { frames, payloads }
    }

    /// The payloads of one of so many callers, for ever.
    pub(crate) fn payloads(&self, caller: u32, callers: u32) -> impl Iterator<Item = &str> {
        let from = self.beginning(caller, callers);
        self.payloads.iter().cycle().skip(from).map(String::as_str)
    }

    /// Which of a caller's first `count` frames end a turn, in order: what the default detector and settings make of them.
    pub(crate) fn turn_ends(&self, caller: u32, callers: u32, count: u64) -> Vec<u64> {
        let (mut detector, mut turn) = (Detection::default().detector(), Turn::new(TurnSettings::default()));
        let mut until = CallTime::ZERO;
        let frames = self.frames.iter().cycle().skip(self.beginning(caller, callers));
        let ends = (0..count).zip(frames).filter_map(|(number, frame)| {
            until = until + FRAME_DURATION;
            let event = turn.frame(detector.is_voice(&frame.decode()), until);
            matches!(event, Some(TurnEvent::Ended(_))).then_some(number)
        });
        ends.collect()
    }

    const fn beginning(&self, caller: u32, callers: u32) -> usize {
        self.frames.len() * caller as usize / callers as usize
    }
}

/// The bundled sentences of a caller, each followed by silence that takes so many percent of both.
fn sentences(silence_percent: usize) -> Vec<f32> {
    let spoken = Library::bundled().all().iter().filter(|clip| clip.speaker() == "caller" && clip.language() == "sv");
    let mut sound = Vec::new();
    for sentence in spoken.map(words) {
        sound.extend(&sentence);
        let silence = sentence.len() * silence_percent / (100 - silence_percent);
        sound.resize(sound.len() + silence, 0.0);
    }
    sound
}

/// The samples of a clip from its first word to its last.
fn words(clip: &Clip) -> Vec<f32> {
    let (frames, _) = clip.audio().as_chunks::<FRAME_SAMPLES>();
    let samples: Vec<_> = frames.iter().flat_map(|frame| Frame::from(*frame).decode()).map(f32::from).collect();
    let from = clip.words().first().map_or(0, |word| word.start);
    let until = clip.words().last().map_or(samples.len(), |word| word.end.min(samples.len()));
    samples[from..until].to_vec()
}

/// The same over white noise.
fn noisy(mut sound: Vec<f32>) -> Vec<f32> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for sample in &mut sound {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 40) as f32 / (1_u32 << 24) as f32;
        // A uniform variable over -1 to 1 has the RMS of one over the root of three.
        *sample += (2.0 * uniform - 1.0) * NOISE_RMS * 3.0_f32.sqrt();
    }
    sound
}

fn frames(sound: &[f32]) -> Vec<Frame> {
    let (frames, _) = sound.as_chunks::<FRAME_SAMPLES>();
    let pcm = frames.iter().map(|frame| -> Pcm { frame.map(|sample| sample.round() as i16) });
    pcm.map(|pcm| Frame::encode(&pcm)).collect()
}
