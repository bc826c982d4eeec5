//! How samples lie in a WAV file, and what of them a telephone can use: one channel of 16 bits.

use voicecall_core::audio::g711::{alaw, mulaw};

/// The most channels that are mixed.
const MAX_CHANNELS: u16 = 8;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xFFFE;

/// How samples lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    coding: Coding,
    channels: usize,
}

/// How one sample is written. All but the logarithmic ones are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Unsigned8,
    Signed16,
    Signed24,
    Signed32,
    Float32,
    Float64,
    ALaw,
    MuLaw,
}

impl Layout {
    /// 16 bits, one channel.
    pub(crate) const MONO: Self = Self { coding: Coding::Signed16, channels: 1 };

    /// Reads the content of a format chunk: the sample rate and the layout, if the samples are not compressed; `None` if
    /// there are too few bytes.
    pub(super) fn read(format: &[u8]) -> Option<(u32, Option<Self>)> {
        let word = |at: usize| format.get(at..)?.first_chunk().map(|word| u16::from_le_bytes(*word));
        let hz = u32::from_le_bytes(*format.get(4..)?.first_chunk()?);
        let (tag, channels, bits) = (word(0)?, word(2)?, word(14)?);
        // The real tag of an extensible format is the beginning of an identifier further behind.
        let tag = if tag == EXTENSIBLE { word(24)? } else { tag };
        let coding = match (tag, bits) {
            (PCM, 8) => Coding::Unsigned8,
            (PCM, 16) => Coding::Signed16,
            (PCM, 24) => Coding::Signed24,
            (PCM, 32) => Coding::Signed32,
            (FLOAT, 32) => Coding::Float32,
            (FLOAT, 64) => Coding::Float64,
            (ALAW, 8) => Coding::ALaw,
            (MULAW, 8) => Coding::MuLaw,
            _ => return Some((hz, None)),
        };
        let fits = (1..=MAX_CHANNELS).contains(&channels);
        Some((hz, fits.then_some(Self { coding, channels: usize::from(channels) })))
    }

    /// The bytes of one instant: a sample of every channel.
    pub(crate) fn block(self) -> usize {
        self.coding.width() * self.channels
    }

    /// Appends whole blocks as 16-bit little-endian samples, the mean of all channels.
    pub(crate) fn mix(self, blocks: &[u8], pcm: &mut Vec<u8>) {
        if self == Self::MONO {
            pcm.extend_from_slice(blocks);
            return;
        }
        for block in blocks.chunks_exact(self.block()) {
            let sum: i32 = block.chunks_exact(self.coding.width()).map(|sample| self.coding.decode(sample)).sum();
            // The mean of 16-bit samples has 16 bits.
            let mean = sum / self.channels as i32;
            pcm.extend_from_slice(&(mean as i16).to_le_bytes());
        }
    }
}

impl Coding {
    fn width(self) -> usize {
        match self {
            Self::Unsigned8 | Self::ALaw | Self::MuLaw => 1,
            Self::Signed16 => 2,
            Self::Signed24 => 3,
            Self::Signed32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// One sample of [`width`](Self::width) bytes, within 16 bits.
    fn decode(self, sample: &[u8]) -> i32 {
        // The last two bytes of a little-endian integer are its upper 16 bits.
        let upper = || sample.last_chunk().map_or(0, |bytes| i16::from_le_bytes(*bytes));
        let byte = sample.first().copied().unwrap_or_default();
        // A cast from float to integer saturates, and turns what is not a number into 0.
        let scaled = |sample: f64| (sample * 32768.0).round() as i16;
        i32::from(match self {
            Self::Unsigned8 => (i16::from(byte) - 128) << 8,
            Self::Signed16 | Self::Signed24 | Self::Signed32 => upper(),
            Self::Float32 => scaled(sample.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes).into())),
            Self::Float64 => scaled(sample.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes))),
            Self::ALaw => alaw::decode(byte),
            Self::MuLaw => mulaw::decode(byte),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(tag: u16, channels: u16, bits: u16, bytes: &[u8]) -> Vec<i16> {
        let mut format = vec![0; 16];
        for (at, value) in [(0, tag), (2, channels), (14, bits)] {
            format[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        let (_, layout) = Layout::read(&format).unwrap();
        let layout = layout.unwrap();
        assert_eq!(layout.block(), usize::from(channels * bits / 8));
        let mut pcm = Vec::new();
        layout.mix(bytes, &mut pcm);
        pcm.as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
    }

    #[test]
    fn every_coding_gives_the_same_samples() {
        let expected = [0, 16384, -16384, -32768];
        let of = |parts: [&[u8]; 4]| parts.concat();
        let half = [0.0, 0.5, -0.5, -1.0_f32];
        assert_eq!(mixed(PCM, 1, 8, &[128, 192, 64, 0]), expected);
        assert_eq!(mixed(PCM, 1, 16, &of([&[0, 0], &[0, 64], &[0, 192], &[0, 128]])), expected);
        assert_eq!(mixed(PCM, 1, 24, &of([&[9, 0, 0], &[9, 0, 64], &[9, 0, 192], &[9, 0, 128]])), expected);
        assert_eq!(mixed(PCM, 1, 32, &of([&[9, 9, 0, 0], &[9, 9, 0, 64], &[9, 9, 0, 192], &[9, 9, 0, 128]])), expected);
        assert_eq!(mixed(FLOAT, 1, 32, &half.map(f32::to_le_bytes).concat()), expected);
        assert_eq!(mixed(FLOAT, 1, 64, &half.map(|sample| f64::from(sample).to_le_bytes()).concat()), expected);
        assert_eq!(mixed(MULAW, 1, 8, &[0xFF, mulaw::encode(1000)]), [0, mulaw::decode(mulaw::encode(1000))]);
        assert_eq!(mixed(ALAW, 1, 8, &[alaw::encode(1000)]), [alaw::decode(alaw::encode(1000))]);
    }

    #[test]
    fn channels_are_mixed_to_their_mean_and_loud_floats_saturate() {
        let stereo = [1000_i16, 3000, i16::MIN, i16::MIN, i16::MAX, i16::MIN];
        assert_eq!(mixed(PCM, 2, 16, &stereo.map(i16::to_le_bytes).concat()), [2000, i16::MIN, 0]);
        let loud = [2.0, -2.0, f32::NAN].map(f32::to_le_bytes).concat();
        assert_eq!(mixed(FLOAT, 1, 32, &loud), [i16::MAX, i16::MIN, 0]);
    }
}
