//! What is on the line: callers, and what is behind them.

use std::f64::consts::TAU;
use std::path::Path;

use voicecall_core::audio::Frame;
use voicecall_sim::clips::Library;

pub(crate) const RATE: usize = 8000;

/// Full scale, to which dBFS refer.
const FULL: f64 = 32_768.0;

/// One sentence without silence around it.
pub(crate) type Sentence = Vec<f64>;

pub(crate) fn decode(mu_law: &[u8]) -> Vec<f64> {
    let (frames, rest) = mu_law.as_chunks::<160>();
    let mut last = [0xFF; 160];
    last[..rest.len()].copy_from_slice(rest);
    let decoded = frames.iter().chain([&last]).flat_map(|frame| Frame::from(*frame).decode());
    decoded.take(mu_law.len()).map(f64::from).collect()
}

/// The bundled sentences of a speaker in a language.
pub(crate) fn bundled(speaker: &str, language: &str) -> Vec<Sentence> {
    let clips = Library::bundled().all().iter();
    let clips = clips.filter(|clip| clip.speaker() == speaker && clip.language() == language);
    let spoken = clips.map(|clip| {
        let (words, all) = (clip.words(), decode(clip.audio()));
        all[words[0].start..words[words.len() - 1].end].to_vec()
    });
    spoken.collect()
}

/// The sentences of a caller of `scripts/make-listening`.
pub(crate) fn other(caller: &str) -> Vec<Sentence> {
    (0..6).map(|number| file(&format!("{caller}-{number}"))).collect()
}

/// A file of `scripts/make-listening`.
pub(crate) fn file(name: &str) -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/listening/clips/{name}.ulaw"));
    decode(&std::fs::read(path).unwrap())
}

/// The RMS of a voice while it speaks: of the frames within 30 dB of the loudest.
pub(crate) fn level(sound: &[f64]) -> f64 {
    let powers: Vec<f64> = sound.chunks(160).map(|frame| frame.iter().map(|s| s * s).sum::<f64>() / 160.0).collect();
    let loudest = powers.iter().copied().fold(0.0, f64::max);
    let active: Vec<f64> = powers.into_iter().filter(|power| *power > loudest / 1000.0).collect();
    (active.iter().sum::<f64>() / active.len() as f64).sqrt()
}

fn rms(sound: &[f64]) -> f64 {
    (sound.iter().map(|s| s * s).sum::<f64>() / sound.len() as f64).sqrt()
}

/// The same numbers in every run.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (TAU * self.uniform()).cos()
    }
}

/// A noise at an RMS of 1, twenty seconds of it.
#[derive(Clone)]
pub(crate) struct Noise(Vec<f64>);

impl Noise {
    fn new(sound: Vec<f64>) -> Self {
        let rms = rms(&sound);
        Self(sound.into_iter().map(|sample| sample / rms).collect())
    }

    pub(crate) fn white() -> Self {
        let mut chance = Chance(0x9E37_79B9);
        Self::new((0..20 * RATE).map(|_| chance.normal()).collect())
    }

    /// The street: noise that falls by 6 dB an octave, from 60 Hz on.
    pub(crate) fn brown() -> Self {
        let (mut chance, mut last) = (Chance(0x85EB_CA6B), 0.0);
        let leak = 1.0 - TAU * 60.0 / RATE as f64;
        let walk = (0..20 * RATE).map(|_| {
            last = leak * last + chance.normal();
            last
        });
        Self::new(walk.collect())
    }

    pub(crate) fn babble(name: &str) -> Self {
        Self::new(file(name))
    }

    /// Adds the noise at this RMS from a sample on, beginning somewhere in it.
    pub(crate) fn add(&self, sound: &mut [f64], level: f64, from: usize, offset: usize) {
        for (at, sample) in sound[from..].iter_mut().enumerate() {
            *sample += level * self.0[(at + offset) % self.0.len()];
        }
    }
}

/// An RMS from dB under full scale.
pub(crate) fn dbfs(db: f64) -> f64 {
    FULL * 10_f64.powf(db / 20.0)
}

/// A room that rings for half a second, as a speakerphone hears it.
pub(crate) fn in_a_room(sound: &[f64]) -> Vec<f64> {
    let mut chance = Chance(0xC2B2_AE35);
    let taps: Vec<(usize, f64)> = (0..300)
        .map(|_| {
            let delay = 40 + (chance.uniform() * 0.5 * RATE as f64) as usize;
            (delay, chance.normal() * (-6.9 * delay as f64 / (0.5 * RATE as f64)).exp() * 0.2)
        })
        .collect();
    let mut out = sound.to_vec();
    for (delay, gain) in taps {
        for at in delay..sound.len() {
            out[at] += gain * sound[at - delay];
        }
    }
    out
}
