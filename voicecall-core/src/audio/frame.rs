//! The unit in which call audio travels: 20 ms of mu-law.

use std::fmt;

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{FRAME_SAMPLES, Pcm, g711::mulaw};

/// One 20 ms frame of mu-law audio at 8 kHz.
///
/// Its serialised form is the base64 text (RFC 4648, padded) of the 160 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame([u8; FRAME_SAMPLES]);

impl Frame {
    /// Twenty milliseconds of nothing: every sample is +0, code `0xFF`.
    pub const SILENCE: Self = Self([mulaw::SILENCE; FRAME_SAMPLES]);

    /// The mu-law codes, one byte per sample.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; FRAME_SAMPLES] {
        &self.0
    }

    /// The frame as linear samples.
    #[must_use]
    pub fn decode(&self) -> Pcm {
        self.0.map(mulaw::decode)
    }

    /// Compresses linear samples; each is rounded to the nearest mu-law level.
    ///
    /// Encoding what [`decode`](Self::decode) returned gives the frame back, except that
    /// code `0x7F` (minus zero) becomes `0xFF`.
    #[must_use]
    pub fn encode(samples: &Pcm) -> Self {
        Self(samples.map(mulaw::encode))
    }
}

impl From<[u8; FRAME_SAMPLES]> for Frame {
    fn from(codes: [u8; FRAME_SAMPLES]) -> Self {
        Self(codes)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::SILENCE
    }
}

/// Shows the loudest sample only: 160 bytes would drown a log.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peak = self.0.iter().map(|&code| mulaw::decode(code).unsigned_abs()).max();
        write!(f, "Frame(peak {})", peak.unwrap_or(0))
    }
}

impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(&self.0, &STANDARD))
    }
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64Visitor)
    }
}

struct Base64Visitor;

impl de::Visitor<'_> for Base64Visitor {
    type Value = Frame;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FRAME_SAMPLES} bytes as base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Frame, E> {
        // The decoder asks for room for the padding too.
        let mut bytes = [0; FRAME_SAMPLES.next_multiple_of(3)];
        let length = STANDARD.decode_slice(text, &mut bytes).map_err(E::custom)?;
        let codes = bytes[..length].try_into().map_err(|_| E::invalid_length(length, &self))?;
        Ok(Frame(codes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_code() -> Frame {
        Frame(std::array::from_fn(|i| i as u8))
    }

    #[test]
    fn silence_decodes_to_zeros_and_back() {
        assert_eq!(Frame::SILENCE.decode(), [0; FRAME_SAMPLES]);
        assert_eq!(Frame::encode(&[0; FRAME_SAMPLES]), Frame::SILENCE);
    }

    #[test]
    fn decoding_then_encoding_changes_only_minus_zero() {
        let expected = Frame(every_code().0.map(|code| if code == 0x7F { 0xFF } else { code }));
        assert_eq!(Frame::encode(&every_code().decode()), expected);
    }

    #[test]
    fn json_form_is_base64_and_survives_a_round_trip() {
        let json = serde_json::to_string(&every_code()).unwrap();
        assert!(json.starts_with("\"AAECAwQF"), "{json}");
        assert_eq!(json.len(), 216 + 2);
        assert_eq!(serde_json::from_str::<Frame>(&json).unwrap(), every_code());
    }

    #[test]
    fn json_of_another_length_or_alphabet_is_refused() {
        for bytes in [0, 1, 159, 161, 162, 163, 400] {
            let json = format!("\"{}\"", STANDARD.encode(vec![0xFF; bytes]));
            assert!(serde_json::from_str::<Frame>(&json).is_err(), "{bytes} bytes");
        }
        assert!(serde_json::from_str::<Frame>("\"not base64!\"").is_err());
        assert!(serde_json::from_str::<Frame>("[1,2]").is_err());
    }

    #[test]
    fn debug_form_is_short() {
        assert_eq!(format!("{:?}", Frame::SILENCE), "Frame(peak 0)");
        assert_eq!(format!("{:?}", Frame([0x00; FRAME_SAMPLES])), "Frame(peak 32124)");
    }
}
