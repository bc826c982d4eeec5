//! The formats in which audio comes and goes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use voicecall_core::audio::SAMPLE_RATE;
use voicecall_core::audio::g711::{alaw, mulaw};

use super::super::ApiError;
use super::super::voice::{SPEECH_RATE, resample};
use super::error::EventError;
use super::fields::Fields;

/// The most audio of one event, in bytes: 15 MiB.
const LONGEST_AUDIO: usize = 15 << 20;

/// How audio is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// 16-bit samples at 24 kHz, the low byte first.
    Pcm,
    /// G.711 mu-law at 8 kHz.
    Mulaw,
    /// G.711 A-law at 8 kHz.
    Alaw,
}

impl Format {
    /// Reads `{"type": "audio/pcmu"}` and the like.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, EventError> {
        let format = match fields.required_text("type")? {
            "audio/pcm" => Self::Pcm,
            "audio/pcmu" => Self::Mulaw,
            "audio/pcma" => Self::Alaw,
            other => return Err(fields.not_among("type", other, &["audio/pcm", "audio/pcmu", "audio/pcma"])),
        };
        match (format, fields.get("rate")) {
            (Self::Pcm, Some(rate)) if rate == 24_000 => Ok(format),
            (Self::Pcm, Some(_)) => Err(fields.invalid("rate", "Invalid value. Supported values are: 24000.")),
            (Self::Pcm, None) => Err(EventError::missing(&fields.path("rate"))),
            (_, Some(_)) => Err(EventError::unknown(&fields.path("rate"))),
            (_, None) => Ok(format),
        }
    }

    pub(super) fn json(self) -> Value {
        match self {
            Self::Pcm => json!({ "type": "audio/pcm", "rate": SPEECH_RATE }),
            Self::Mulaw => json!({ "type": "audio/pcmu" }),
            Self::Alaw => json!({ "type": "audio/pcma" }),
        }
    }

    /// How long so many bytes last, in milliseconds and parts of them.
    pub(super) fn milliseconds(self, bytes: usize) -> f64 {
        let a_millisecond = match self {
            Self::Pcm => 48.0,
            Self::Mulaw | Self::Alaw => 8.0,
        };
        bytes as f64 / a_millisecond
    }

    /// How many bytes so many milliseconds have.
    pub(super) fn bytes(self, milliseconds: usize) -> usize {
        milliseconds.saturating_mul(if self == Self::Pcm { 48 } else { 8 })
    }

    /// Writes mu-law at 8 kHz.
    pub(super) fn write(self, codes: &[u8]) -> Result<Vec<u8>, ApiError> {
        let mut samples = vec![0; codes.len()];
        mulaw::decode_slice(codes, &mut samples);
        Ok(match self {
            Self::Mulaw => codes.to_vec(),
            Self::Alaw => samples.into_iter().map(alaw::encode).collect(),
            Self::Pcm => {
                let wide = resample(&samples, SAMPLE_RATE, SPEECH_RATE)?;
                wide.into_iter().flat_map(i16::to_le_bytes).collect()
            }
        })
    }

    /// Linear samples, and how many of them make a second.
    pub(super) fn samples(self, audio: &[u8]) -> (Vec<i16>, u32) {
        let mut samples = vec![0; audio.len()];
        match self {
            Self::Mulaw => mulaw::decode_slice(audio, &mut samples),
            Self::Alaw => alaw::decode_slice(audio, &mut samples),
            Self::Pcm => {
                let (pairs, _) = audio.as_chunks::<2>();
                return (pairs.iter().map(|&pair| i16::from_le_bytes(pair)).collect(), SPEECH_RATE);
            }
        }
        (samples, SAMPLE_RATE)
    }
}

/// Audio as events carry it.
pub(super) fn encode(audio: &[u8]) -> String {
    STANDARD.encode(audio)
}

/// Reads a member that is audio.
pub(super) fn decode(fields: &Fields<'_>, name: &str) -> Result<Vec<u8>, EventError> {
    let text = fields.required_text(name)?;
    let audio = STANDARD.decode(text).map_err(|_| {
        fields.invalid(name, format!("Invalid '{}': expected audio as base64-encoded bytes.", fields.path(name)))
    })?;
    if audio.len() > LONGEST_AUDIO {
        return Err(fields.invalid(name, "one event carries at most 15 MiB of audio"));
    }
    Ok(audio)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &Value) -> Result<Format, EventError> {
        Format::read(&Fields::of("format", value, &["type", "rate"])?)
    }

    #[test]
    fn each_format_is_read_as_it_is_written() {
        for format in [Format::Pcm, Format::Mulaw, Format::Alaw] {
            assert_eq!(read(&format.json()).unwrap(), format);
        }
    }

    #[test]
    fn every_mistake_is_refused_by_its_place() {
        for (wrong, param) in [
            (json!("audio/pcmu"), "format"),
            (json!({}), "format.type"),
            (json!({ "type": "g711_ulaw" }), "format.type"),
            (json!({ "type": "audio/pcm" }), "format.rate"),
            (json!({ "type": "audio/pcm", "rate": 16000 }), "format.rate"),
            (json!({ "type": "audio/pcmu", "rate": 8000 }), "format.rate"),
            (json!({ "type": "audio/pcmu", "channels": 1 }), "format.channels"),
        ] {
            assert_eq!(read(&wrong).unwrap_err().json(None)["param"], param, "{wrong}");
        }
    }

    #[test]
    fn speech_lasts_as_long_in_each_format_and_sounds_the_same() {
        let codes = [0x90, 0x10, 0x80, 0x00].repeat(2_000);
        for format in [Format::Pcm, Format::Mulaw, Format::Alaw] {
            let audio = format.write(&codes).unwrap();
            assert_eq!(format.milliseconds(audio.len()), 1000.0, "{format:?}");
            assert_eq!(audio.len(), format.bytes(1000));
            let (samples, rate) = format.samples(&audio);
            assert_eq!(samples.len(), rate as usize);
        }
        assert_eq!(Format::Mulaw.write(&codes).unwrap(), codes);
    }
}
