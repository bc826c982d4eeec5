//! Call recordings as stereo WAV files: the caller on the left, the agent on the right.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::{FRAME_SAMPLES, Frame, SAMPLE_RATE};
use crate::consent::ConsentToken;

/// How often the header is brought up to date, in frames: once a second.
const FRAMES_PER_FLUSH: u32 = 50;

/// What fits under the format's limit of 4 GiB: 37 hours.
const MAX_FRAMES: u32 = u32::MAX / BYTES_PER_FRAME - 1;

const BYTES_PER_FRAME: u32 = (FRAME_SAMPLES * 2 * size_of::<i16>()) as u32;

/// Writes one call as a WAV file: 16-bit PCM, stereo, 8 kHz. There is no way to make one without consent.
///
/// Each second of audio the header is completed and the bytes are handed to the operating system,
/// so a process that is killed leaves a playable file that lacks at most its last second. Dropping
/// the recording completes the file too, but only [`finish`](Self::finish) tells of errors.
///
/// ```
/// use std::io::Cursor;
/// use voicecall_core::audio::{Frame, StereoWav};
/// use voicecall_core::{ConsentToken, SessionId};
///
/// let consent = ConsentToken::operator_declares_legal_basis(SessionId::new());
/// let mut file = Cursor::new(Vec::new());
/// let mut recording = StereoWav::new(&mut file, &consent)?;
/// recording.write(&Frame::SILENCE, &Frame::SILENCE)?;
/// recording.finish()?;
/// assert_eq!(file.get_ref().len(), 44 + 160 * 4);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct StereoWav<W: Write + Seek = BufWriter<File>> {
    wav: WavWriter<W>,
    frames: u32,
}

impl StereoWav {
    /// Begins a recording in a new file at `path`; a file already there is replaced.
    ///
    /// # Errors
    ///
    /// When the file cannot be created or written.
    pub fn create(path: impl AsRef<Path>, consent: &ConsentToken) -> io::Result<Self> {
        Self::new(BufWriter::new(File::create(path)?), consent)
    }
}

impl<W: Write + Seek> StereoWav<W> {
    /// Begins a recording in any writer, at its present position. It should be buffered.
    ///
    /// # Errors
    ///
    /// When the header cannot be written.
    pub fn new(writer: W, _consent: &ConsentToken) -> io::Result<Self> {
        let spec =
            WavSpec { channels: 2, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let wav = WavWriter::new(writer, spec).map_err(into_io)?;
        let mut recording = Self { wav, frames: 0 };
        // Killed in its first second, the process still leaves a header.
        recording.wav.flush().map_err(into_io)?;
        Ok(recording)
    }

    /// Appends 20 ms: what the caller said and what the agent said in the same time.
    ///
    /// # Errors
    ///
    /// When the writer fails; part of the frame may then be written and the recording should be
    /// given up. [`io::ErrorKind::FileTooLarge`] after 37 hours, the limit of the format.
    pub fn write(&mut self, caller: &Frame, agent: &Frame) -> io::Result<()> {
        if self.frames == MAX_FRAMES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut samples = self.wav.get_i16_writer(2 * FRAME_SAMPLES as u32);
        for (left, right) in caller.decode().into_iter().zip(agent.decode()) {
            samples.write_sample(left);
            samples.write_sample(right);
        }
        samples.flush().map_err(into_io)?;

        self.frames += 1;
        if self.frames.is_multiple_of(FRAMES_PER_FLUSH) {
            self.wav.flush().map_err(into_io)?;
        }
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// When the last bytes or the header cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.wav.finalize().map_err(into_io)
    }
}

impl<W: Write + Seek> fmt::Debug for StereoWav<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StereoWav").field("frames", &self.frames).finish_non_exhaustive()
    }
}

fn into_io(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::{Cursor, SeekFrom};
    use std::rc::Rc;

    use hound::WavReader;

    use super::*;

    fn consent() -> ConsentToken {
        ConsentToken::operator_declares_legal_basis(crate::SessionId::new())
    }

    /// A file whose bytes can be looked at while it is being written, and which can fill up.
    #[derive(Clone, Default)]
    struct Disk {
        file: Rc<RefCell<Cursor<Vec<u8>>>>,
        limit: Option<usize>,
    }

    impl Disk {
        fn read(&self) -> WavReader<Cursor<Vec<u8>>> {
            WavReader::new(Cursor::new(self.file.borrow().get_ref().clone())).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut file = self.file.borrow_mut();
            if self.limit.is_some_and(|limit| file.get_ref().len() + bytes.len() > limit) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Disk {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.borrow_mut().seek(to)
        }
    }

    fn tone(level: i16) -> Frame {
        Frame::encode(&[level; FRAME_SAMPLES])
    }

    #[test]
    fn caller_is_left_and_agent_is_right() {
        let disk = Disk::default();
        let mut recording = StereoWav::new(disk.clone(), &consent()).unwrap();
        recording.write(&tone(1000), &tone(-2000)).unwrap();
        recording.write(&Frame::SILENCE, &tone(500)).unwrap();
        recording.finish().unwrap();

        let mut wav = disk.read();
        let spec = wav.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8000, 16));
        assert_eq!(wav.duration(), 320);
        let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
        let (left, right) = (tone(1000).decode()[0], tone(-2000).decode()[0]);
        assert!(samples[..320].as_chunks::<2>().0.iter().all(|pair| *pair == [left, right]));
        assert_eq!(samples[320..322], [0, tone(500).decode()[0]]);
    }

    #[test]
    fn a_killed_process_leaves_all_but_the_last_second() {
        let disk = Disk::default();
        let mut recording = StereoWav::new(BufWriter::new(disk.clone()), &consent()).unwrap();
        assert_eq!(disk.read().duration(), 0);
        for _ in 0..149 {
            recording.write(&tone(1000), &tone(1000)).unwrap();
        }
        // Killed: neither finished nor dropped.
        std::mem::forget(recording);
        assert_eq!(disk.read().duration(), 2 * SAMPLE_RATE);
        assert_eq!(disk.read().samples::<i16>().map(Result::unwrap).count(), 2 * 16000);
    }

    #[test]
    fn a_file_at_a_path_is_created_and_replaced() {
        let name = format!("voicecall-recording-{}.wav", std::process::id());
        let path = std::env::temp_dir().join(name);
        for frames in [3, 1] {
            let mut recording = StereoWav::create(&path, &consent()).unwrap();
            for _ in 0..frames {
                recording.write(&tone(1), &tone(2)).unwrap();
            }
            recording.finish().unwrap();
            assert_eq!(WavReader::open(&path).unwrap().duration(), frames * 160);
        }
        std::fs::remove_file(&path).unwrap();
        let nowhere = path.join("no such folder").join("a.wav");
        assert_eq!(StereoWav::create(nowhere, &consent()).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn errors_of_the_disk_arrive_as_they_are() {
        let disk = Disk { limit: Some(1000), ..Disk::default() };
        let mut recording = StereoWav::new(disk, &consent()).unwrap();
        recording.write(&tone(1), &tone(1)).unwrap();
        let error = recording.write(&tone(1), &tone(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_recording_ends_before_the_limit_of_the_format() {
        let mut recording = StereoWav::new(Cursor::new(Vec::new()), &consent()).unwrap();
        recording.frames = MAX_FRAMES - 1;
        recording.write(&tone(1), &tone(1)).unwrap();
        let error = recording.write(&tone(1), &tone(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
