//! From the bytes of an answer to telephone audio, as they arrive.

use voicecall_core::audio::TelephoneEncoder;
use voicecall_core::{Error, ErrorKind, Result};

use super::{OPERATION, SpeechFormat};
use crate::wav::{self, Header, Unreadable};

const RIFF: &[u8] = b"RIFF";

/// Reads PCM or WAV. A server that sends a WAV file where PCM was asked for is understood.
#[derive(Debug)]
pub(super) struct Decoder {
    format: SpeechFormat,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The beginning, until it is clear where the samples are.
    Head(Vec<u8>),
    /// Samples; absent a length, until the end.
    Samples { encoder: TelephoneEncoder, left: Option<usize> },
}

impl Decoder {
    pub(super) fn new(format: SpeechFormat) -> Self {
        Self { format, state: State::Head(Vec::new()) }
    }

    /// Takes the next bytes and appends the mu-law they complete.
    pub(super) fn process(&mut self, bytes: &[u8], codes: &mut Vec<u8>) -> Result<()> {
        match &mut self.state {
            State::Samples { encoder, left } => {
                play(encoder, left, bytes, codes);
                Ok(())
            }
            State::Head(head) => {
                head.extend_from_slice(bytes);
                match header(head, self.format)? {
                    Some(header) => self.begin(header, codes),
                    None => Ok(()),
                }
            }
        }
    }

    /// Ends the answer and appends what was held back.
    pub(super) fn finish(&mut self, codes: &mut Vec<u8>) -> Result<()> {
        if let (State::Head(head), SpeechFormat::Pcm { hz }) = (&self.state, self.format)
            && head.len() < RIFF.len()
        {
            self.begin(Header { hz, offset: 0, length: None }, codes)?;
        }
        match &mut self.state {
            State::Samples { encoder, .. } => {
                encoder.flush(codes);
                Ok(())
            }
            State::Head(head) if head.is_empty() => Ok(()),
            State::Head(_) => Err(broken("the file broke off")),
        }
    }

    /// Leaves the beginning behind and plays what of it was samples.
    fn begin(&mut self, header: Header, codes: &mut Vec<u8>) -> Result<()> {
        let Header { hz, offset, length: mut left } = header;
        let mut encoder = TelephoneEncoder::new(hz).map_err(|error| {
            Error::new(ErrorKind::Unsupported, OPERATION).with_message("an unknown sample rate").with_source(error)
        })?;
        if let State::Head(head) = &self.state {
            play(&mut encoder, &mut left, head.get(offset..).unwrap_or_default(), codes);
        }
        self.state = State::Samples { encoder, left };
        Ok(())
    }
}

/// Where the samples are; `None` while that is not clear.
fn header(head: &[u8], format: SpeechFormat) -> Result<Option<Header>> {
    if head.len() < RIFF.len() && RIFF.starts_with(head) {
        return Ok(None);
    }
    match format {
        SpeechFormat::Pcm { hz } if !head.starts_with(RIFF) => Ok(Some(Header { hz, offset: 0, length: None })),
        _ => wav::read_header(head).map_err(|unreadable| match unreadable {
            Unreadable::NotWav => broken("not a wav file"),
            Unreadable::NotPcm => {
                Error::new(ErrorKind::Unsupported, OPERATION).with_message("a wav file that is not 16-bit mono")
            }
        }),
    }
}

/// Encodes the bytes that are samples; behind those a file may have more chunks.
fn play(encoder: &mut TelephoneEncoder, left: &mut Option<usize>, bytes: &[u8], codes: &mut Vec<u8>) {
    let count = left.map_or(bytes.len(), |left| left.min(bytes.len()));
    if let Some(left) = left {
        *left -= count;
    }
    encoder.process(bytes.get(..count).unwrap_or_default(), codes);
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION).with_message(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PCM: SpeechFormat = SpeechFormat::Pcm { hz: 8000 };

    fn decode<'a>(format: SpeechFormat, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>> {
        let (mut decoder, mut codes) = (Decoder::new(format), Vec::new());
        for chunk in chunks {
            decoder.process(chunk, &mut codes)?;
        }
        decoder.finish(&mut codes)?;
        Ok(codes)
    }

    fn kind(format: SpeechFormat, bytes: &[u8]) -> ErrorKind {
        decode(format, [bytes]).unwrap_err().kind()
    }

    #[test]
    fn a_wav_file_is_understood_whatever_was_asked_for() {
        let file = wav::write(&[0; 240], 24000);
        for format in [SpeechFormat::Wav, PCM] {
            assert_eq!(decode(format, [file.as_slice()]).unwrap(), [0xFF; 80]);
        }
    }

    #[test]
    fn chunks_behind_the_samples_are_not_played() {
        let file = [wav::write(&[0; 8], 8000), b"LIST\x04\0\0\0loud".to_vec()].concat();
        assert_eq!(decode(SpeechFormat::Wav, [file.as_slice()]).unwrap(), [0xFF; 8]);
    }

    #[test]
    fn short_and_empty_answers_are_what_they_are() {
        assert!(decode(PCM, [b"".as_slice()]).unwrap().is_empty());
        assert_eq!(decode(PCM, [b"RI".as_slice()]).unwrap().len(), 1);
        assert!(decode(SpeechFormat::Wav, []).unwrap().is_empty());
        assert_eq!(kind(SpeechFormat::Wav, b"RIFF\0\0\0\0WAVEfmt "), ErrorKind::Protocol);
        assert_eq!(kind(PCM, b"RIFF\0\0"), ErrorKind::Protocol);
    }

    #[test]
    fn what_cannot_be_played_is_refused() {
        assert_eq!(kind(SpeechFormat::Wav, b"ID3 not a wav file at all"), ErrorKind::Protocol);
        assert_eq!(kind(SpeechFormat::Wav, &wav::write(&[0; 8], 44100)), ErrorKind::Unsupported);
        let mut stereo = wav::write(&[0; 8], 8000);
        stereo[22] = 2;
        assert_eq!(kind(SpeechFormat::Wav, &stereo), ErrorKind::Unsupported);
    }

    proptest! {
        #[test]
        fn cuts_never_change_the_audio(
            samples in prop::collection::vec(any::<i16>(), 0..200),
            cut in 1..90_usize,
            as_file in any::<bool>(),
        ) {
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let (format, bytes) = if as_file { (SpeechFormat::Wav, wav::write(&samples, 16000)) } else { (PCM, bytes) };
            prop_assert_eq!(decode(format, bytes.chunks(cut)).unwrap(), decode(format, [bytes.as_slice()]).unwrap());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), riff in any::<bool>()) {
            let bytes = if riff { [b"RIFF\0\0\0\0WAVEfmt ".as_slice(), &bytes].concat() } else { bytes };
            let _ = decode(SpeechFormat::Wav, bytes.chunks(7));
            let _ = decode(PCM, bytes.chunks(7));
        }
    }
}
