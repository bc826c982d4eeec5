//! From the bytes of an answer to telephone audio, as they arrive.
//!
//! What comes is told by its bytes. WAV files may follow each other, may not know their length or promise too little:
//! every piece of sound is played, and what stands between and behind the pieces is not.

use voicecall_core::audio::TelephoneEncoder;
use voicecall_core::{Error, ErrorKind, Result};

use super::recognise::{Kind, recognise};
use super::{OPERATION, SpeechFormat};
use crate::wav::{self, Header, Layout, Unreadable};

/// The bytes by which a file is found in the middle of another's samples.
const MARK: usize = 16;

/// A longer trailer is none.
const MAX_TRAILER: u32 = 1024 * 1024;

/// Reads PCM or WAV. A server that sends a WAV file where PCM was asked for is understood.
#[derive(Debug)]
pub(super) struct Decoder {
    format: SpeechFormat,
    /// Whether the server's word for what it sends may mean bare samples.
    may_be_bare: bool,
    state: State,
    /// What came and is not used yet.
    pending: Vec<u8>,
    /// Absent before the first piece.
    player: Option<Player>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before it is clear what comes.
    Start,
    /// In samples without a file around them.
    Bare,
    /// In the header of a file.
    Header,
    /// In the samples of a file, of which so many bytes are left; absent a number, until another file or the end.
    Samples(Option<usize>),
    /// Behind the samples that a file promised.
    Behind,
    /// In a trailer, of which so many bytes are left.
    Trailer(usize),
}

impl Decoder {
    pub(super) fn new(format: SpeechFormat, may_be_bare: bool) -> Self {
        Self { format, may_be_bare, state: State::Start, pending: Vec::new(), player: None }
    }

    /// Takes the next bytes and appends the mu-law they complete.
    pub(super) fn process(&mut self, bytes: &[u8], codes: &mut Vec<u8>) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        self.run(false, codes)
    }

    /// Ends the answer and appends what was held back.
    pub(super) fn finish(&mut self, codes: &mut Vec<u8>) -> Result<()> {
        if !self.pending.is_empty() {
            self.run(true, codes)?;
        }
        if let Some(player) = &mut self.player {
            player.encoder.flush(codes);
        }
        Ok(())
    }

    /// Uses what is pending as far as that is possible.
    fn run(&mut self, is_all: bool, codes: &mut Vec<u8>) -> Result<()> {
        while let Some(next) = self.step(is_all, codes)? {
            self.state = next;
        }
        Ok(())
    }

    /// The state after the next part; `None` if more must come first.
    fn step(&mut self, is_all: bool, codes: &mut Vec<u8>) -> Result<Option<State>> {
        match self.state {
            State::Start => match recognise(&self.pending, is_all) {
                None => Ok(None),
                Some(Kind::Wav) => Ok(Some(State::Header)),
                Some(Kind::Bare) => self.begin_bare().map(Some),
                Some(Kind::Foreign) => Err(broken("neither pcm nor wav")),
            },
            State::Bare => {
                self.play(self.pending.len(), codes);
                Ok(None)
            }
            State::Header => self.begin_file(is_all, codes),
            State::Samples(left) => Ok(self.play_file(left, is_all, codes)),
            State::Behind => Ok(self.behind(is_all)),
            State::Trailer(left) => {
                let skipped = left.min(self.pending.len());
                self.pending.drain(..skipped);
                let done = skipped == left;
                self.state = State::Trailer(left - skipped);
                Ok(done.then_some(State::Behind))
            }
        }
    }

    fn begin_bare(&mut self) -> Result<State> {
        match self.format {
            SpeechFormat::Pcm { hz } if self.may_be_bare => {
                self.player = Some(Player::new(hz, Layout::MONO)?);
                Ok(State::Bare)
            }
            SpeechFormat::Pcm { .. } => Err(broken("neither pcm nor wav")),
            SpeechFormat::Wav => Err(broken("not a wav file")),
        }
    }

    fn begin_file(&mut self, is_all: bool, codes: &mut Vec<u8>) -> Result<Option<State>> {
        let header = wav::read_header(&self.pending).map_err(|unreadable| match unreadable {
            Unreadable::NotWav => broken("not a wav file"),
            Unreadable::Compressed => unsupported("a wav file whose samples are compressed"),
        })?;
        let Some(Header { hz, layout, offset, length }) = header else {
            return if is_all { Err(broken("the file broke off")) } else { Ok(None) };
        };
        self.pending.drain(..offset);
        match &mut self.player {
            // The pieces of one utterance follow each other without a seam.
            Some(player) if (player.hz, player.layout) == (hz, layout) => player.cut.clear(),
            other => {
                if let Some(player) = other {
                    player.encoder.flush(codes);
                }
                *other = Some(Player::new(hz, layout)?);
            }
        }
        Ok(Some(State::Samples(length)))
    }

    fn play_file(&mut self, left: Option<usize>, is_all: bool, codes: &mut Vec<u8>) -> Option<State> {
        let come = self.pending.len();
        let wanted = left.map_or(come, |left| left.min(come));
        let next_file = self.pending.windows(MARK).take(wanted).position(wav::begins_file);
        if let Some(at) = next_file {
            self.play(at, codes);
            return Some(State::Header);
        }
        // What could be the beginning of another file waits for the rest of it.
        let played = if is_all { wanted } else { wanted.min(come.saturating_sub(MARK - 1)) };
        self.play(played, codes);
        let left = left.map(|left| left - played);
        self.state = State::Samples(left);
        (left == Some(0)).then_some(State::Behind)
    }

    /// Tells what stands behind the samples that a file promised.
    fn behind(&mut self, is_all: bool) -> Option<State> {
        if self.pending.len() < MARK && !is_all || self.pending.is_empty() {
            return None;
        }
        // Samples of an odd length are filled up by a byte.
        if let [0, rest @ ..] = self.pending.as_slice()
            && wav::begins_file(rest)
        {
            self.pending.remove(0);
        }
        if wav::begins_file(&self.pending) {
            return Some(State::Header);
        }
        if self.pending.starts_with(b"TAG") || self.pending.starts_with(b"ID3") {
            return Some(State::Trailer(usize::MAX));
        }
        match wav::chunk(&self.pending) {
            Some((id, length, _)) if wav::is_name(id) && length <= MAX_TRAILER => {
                Some(State::Trailer(8 + length as usize + (length as usize & 1)))
            }
            // The file promised too little.
            _ => Some(State::Samples(None)),
        }
    }

    /// Plays the first bytes of what is pending.
    fn play(&mut self, count: usize, codes: &mut Vec<u8>) {
        let bytes = self.pending.drain(..count);
        if let Some(player) = &mut self.player {
            player.play(bytes.as_slice(), codes);
        }
    }
}

/// Turns the samples of one layout into mu-law.
#[derive(Debug)]
struct Player {
    hz: u32,
    layout: Layout,
    encoder: TelephoneEncoder,
    /// The beginning of a block that was cut in two.
    cut: Vec<u8>,
    pcm: Vec<u8>,
}

impl Player {
    fn new(hz: u32, layout: Layout) -> Result<Self> {
        let encoder =
            TelephoneEncoder::new(hz).map_err(|error| unsupported("an unknown sample rate").with_source(error))?;
        Ok(Self { hz, layout, encoder, cut: Vec::new(), pcm: Vec::new() })
    }

    fn play(&mut self, bytes: &[u8], codes: &mut Vec<u8>) {
        self.cut.extend_from_slice(bytes);
        let whole = self.cut.len() - self.cut.len() % self.layout.block();
        self.pcm.clear();
        self.layout.mix(self.cut.get(..whole).unwrap_or_default(), &mut self.pcm);
        self.cut.drain(..whole);
        self.encoder.process(&self.pcm, codes);
    }
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION).with_message(message)
}

fn unsupported(message: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, OPERATION).with_message(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PCM: SpeechFormat = SpeechFormat::Pcm { hz: 8000 };
    const LOUD: i16 = 8000;

    fn decode<'a>(format: SpeechFormat, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>> {
        let (mut decoder, mut codes) = (Decoder::new(format, true), Vec::new());
        for chunk in chunks {
            decoder.process(chunk, &mut codes)?;
        }
        decoder.finish(&mut codes)?;
        Ok(codes)
    }

    fn kind(format: SpeechFormat, bytes: &[u8]) -> ErrorKind {
        decode(format, [bytes]).unwrap_err().kind()
    }

    /// A file whose header promises `length` bytes of samples.
    fn promising(length: u32, samples: &[i16]) -> Vec<u8> {
        let mut file = wav::write(samples, 8000);
        file[40..44].copy_from_slice(&length.to_le_bytes());
        file
    }

    /// The file with the fields of its format replaced.
    fn formatted(mut file: Vec<u8>, fields: &[(usize, u8)]) -> Vec<u8> {
        fields.iter().for_each(|&(at, value)| file[at] = value);
        file
    }

    /// How many samples are played, if they are the loud ones and nothing else.
    fn loud(bytes: &[u8]) -> usize {
        let codes = decode(SpeechFormat::Wav, [bytes]).unwrap();
        for cut in [1, 7, 44] {
            assert_eq!(decode(SpeechFormat::Wav, bytes.chunks(cut)).unwrap(), codes, "cut {cut}");
        }
        let expected = voicecall_core::audio::g711::mulaw::encode(LOUD);
        assert!(codes.iter().all(|&code| code == expected), "a click among {} samples", codes.len());
        codes.len()
    }

    #[test]
    fn a_wav_file_is_understood_whatever_was_asked_for() {
        let file = wav::write(&[0; 240], 24000);
        for format in [SpeechFormat::Wav, PCM] {
            assert_eq!(decode(format, [file.as_slice()]).unwrap(), [0xFF; 80]);
        }
    }

    #[test]
    fn files_behind_each_other_are_one_utterance() {
        let samples = [LOUD; 100];
        for length in [200, 0, u32::MAX, 0x7FFF_FFFF, 120, 300] {
            let file = promising(length, &samples);
            assert_eq!(loud(&[file.as_slice(), &file, &file].concat()), 300, "{length:#x}");
        }
    }

    #[test]
    fn chunks_behind_the_samples_are_not_played() {
        let file = wav::write(&[LOUD; 100], 8000);
        for trailer in [
            b"LIST\x04\0\0\0loud".as_slice(),
            b"LIST\x03\0\0\0abc\0id3 \x02\0\0\0xy",
            b"LIST\xFF\0\0\0cut off",
            b"TAGa song that nobody asked for",
            b"ID3\x04\0\0\0\0\0\x23some title",
        ] {
            assert_eq!(loud(&[file.as_slice(), trailer].concat()), 100, "{trailer:?}");
        }
        let between = [file.as_slice(), b"LIST\x04\0\0\0loud", &file].concat();
        assert_eq!(loud(&between), 200);
    }

    #[test]
    fn samples_beyond_the_promised_length_are_played() {
        assert_eq!(loud(&promising(40, &[LOUD; 100])), 100);
    }

    #[test]
    fn other_layouts_and_rates_are_converted() {
        let stereo = formatted(wav::write(&[LOUD; 200], 8000), &[(22, 2), (32, 4)]);
        assert_eq!(loud(&stereo), 100);
        let float: Vec<u8> = [f32::from(LOUD) / 32768.0; 100].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let header = formatted(promising(400, &[]), &[(20, 3), (34, 32)]);
        assert_eq!(loud(&[header.as_slice(), &float].concat()), 100);
        for hz in [32000, 44100, 48000] {
            let codes = decode(SpeechFormat::Wav, [wav::write(&vec![0; hz as usize], hz).as_slice()]).unwrap();
            assert_eq!(codes, [0xFF; 8000], "{hz}");
        }
    }

    #[test]
    fn pieces_of_different_rates_are_each_played_in_full() {
        let pieces = [wav::write(&[0; 2400], 24000), wav::write(&[0; 1600], 16000)].concat();
        assert_eq!(decode(SpeechFormat::Wav, [pieces.as_slice()]).unwrap(), [0xFF; 1600]);
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
        assert_eq!(kind(SpeechFormat::Wav, &[0x80; 100]), ErrorKind::Protocol);
        assert_eq!(kind(PCM, b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0"), ErrorKind::Protocol);
        assert_eq!(kind(SpeechFormat::Wav, &wav::write(&[0; 8], 11025)), ErrorKind::Unsupported);
        let adpcm = formatted(wav::write(&[0; 8], 8000), &[(20, 0x11), (34, 4)]);
        assert_eq!(kind(SpeechFormat::Wav, &adpcm), ErrorKind::Unsupported);
        let mut decoder = Decoder::new(PCM, false);
        assert!(decoder.process(&[0x80; 100], &mut Vec::new()).is_err(), "the server says that it is no pcm");
    }

    proptest! {
        #[test]
        fn cuts_never_change_the_audio(
            samples in prop::collection::vec(any::<i16>(), 0..200),
            cut in 1..90_usize,
            files in 0..3_usize,
        ) {
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let (format, bytes) = match files {
                0 => (PCM, bytes),
                _ => (SpeechFormat::Wav, wav::write(&samples, 16000).repeat(files)),
            };
            prop_assert_eq!(decode(format, bytes.chunks(cut)).ok(), decode(format, [bytes.as_slice()]).ok());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), riff in any::<bool>()) {
            let bytes = if riff { [b"RIFF\0\0\0\0WAVEfmt ".as_slice(), &bytes].concat() } else { bytes };
            let _ = decode(SpeechFormat::Wav, bytes.chunks(7));
            let _ = decode(PCM, bytes.chunks(7));
            let file = wav::write(&[1; 20], 8000);
            let _ = decode(PCM, [file.as_slice(), &bytes, &file]);
        }
    }
}
