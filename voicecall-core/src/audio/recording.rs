//! Call recordings as stereo WAV files: the caller on the left, the agent on the right.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use super::{FRAME_SAMPLES, Frame, SAMPLE_RATE};
use crate::consent::ConsentToken;
use crate::time::CallTime;

/// How often the header is brought up to date, in frames: once a second.
const FRAMES_PER_FLUSH: u32 = 50;

/// What fits under the format's limit of 4 GiB: 37 hours.
const MAX_FRAMES: u32 = u32::MAX / FRAME_BYTES - 1;

/// A frame of both sides, as 16-bit samples.
const FRAME_BYTES: u32 = (FRAME_SAMPLES * 2 * size_of::<i16>()) as u32;

/// Everything before the samples.
const HEADER_BYTES: u32 = 44;

/// Writes one call as a WAV file: 16-bit PCM, stereo, 8 kHz. There is no way to make one without consent.
///
/// Every frame is written at its time in the call. Where there is none, because nobody was connected, there is silence;
/// so a call that breaks off goes on in the same file.
///
/// Each second of audio the header is completed and the bytes are handed to the operating system,
/// so a process that is killed leaves a playable file that lacks at most its last second. Dropping
/// the recording completes the file too, but only [`finish`](Self::finish) tells of errors.
///
/// ```
/// use std::io::Cursor;
/// use voicecall_core::audio::{Frame, StereoWav};
/// use voicecall_core::{CallTime, ConsentToken, SessionId};
///
/// let consent = ConsentToken::operator_declares_legal_basis(SessionId::new());
/// let mut file = Cursor::new(Vec::new());
/// let mut recording = StereoWav::new(&mut file, &consent)?;
/// recording.write(CallTime::from_millis(40), &Frame::SILENCE, &Frame::SILENCE)?;
/// recording.finish()?;
/// assert_eq!(file.get_ref().len(), 44 + 3 * 160 * 4);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct StereoWav<W: Write + Seek = BufWriter<File>> {
    /// Absent once the recording is finished.
    writer: Option<W>,
    /// Where the header begins.
    start: u64,
    frames: u32,
}

impl StereoWav {
    /// Goes on with the recording in a file that can be read and written, or begins one if the file is empty.
    ///
    /// What a killed process wrote behind the length in its header counts; half a frame does not.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] if the file holds anything else; when it cannot be read or written.
    pub fn resume(mut file: File, _consent: &ConsentToken) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let frames = length.saturating_sub(HEADER_BYTES.into()) / u64::from(FRAME_BYTES);
        let frames = u32::try_from(frames).unwrap_or(u32::MAX).min(MAX_FRAMES);
        // Killed while it wrote its header, a process leaves less than one, of which nothing is known.
        if length >= u64::from(HEADER_BYTES) {
            let mut found = [0; HEADER_BYTES as usize];
            file.seek(SeekFrom::Start(0))?;
            file.read_exact(&mut found)?;
            if found[8..40] != header(0)[8..40] {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is not a recording of a call"));
            }
        }
        file.set_len(u64::from(HEADER_BYTES) + u64::from(frames) * u64::from(FRAME_BYTES))?;
        Self::at(BufWriter::new(file), 0, frames)
    }
}

impl<W: Write + Seek> StereoWav<W> {
    /// Begins a recording in any writer, at its present position. It should be buffered.
    ///
    /// # Errors
    ///
    /// When the header cannot be written.
    pub fn new(mut writer: W, _consent: &ConsentToken) -> io::Result<Self> {
        let start = writer.stream_position()?;
        Self::at(writer, start, 0)
    }

    fn at(writer: W, start: u64, frames: u32) -> io::Result<Self> {
        let mut recording = Self { writer: Some(writer), start, frames };
        // Killed in its first second, the process still leaves a header.
        recording.complete()?;
        Ok(recording)
    }

    /// Writes 20 ms: what the caller said and what the agent said from `at` on, to the nearest frame. Before it comes
    /// silence up to there; if something was written for that time already, it goes behind it.
    ///
    /// # Errors
    ///
    /// When the writer fails; part of the frame may then be written and the recording should be
    /// given up. [`io::ErrorKind::FileTooLarge`] after 37 hours, the limit of the format.
    pub fn write(&mut self, at: CallTime, caller: &Frame, agent: &Frame) -> io::Result<()> {
        let frame = FRAME_SAMPLES as u64;
        let place = (at.as_samples() + frame / 2) / frame;
        if place.max(self.frames.into()) >= u64::from(MAX_FRAMES) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        while u64::from(self.frames) < place {
            self.append(&Frame::SILENCE, &Frame::SILENCE)?;
        }
        self.append(caller, agent)
    }

    fn append(&mut self, caller: &Frame, agent: &Frame) -> io::Result<()> {
        let mut bytes = [0; FRAME_BYTES as usize];
        let samples = caller.decode().into_iter().zip(agent.decode());
        for (pair, (left, right)) in bytes.chunks_exact_mut(4).zip(samples) {
            pair[..2].copy_from_slice(&left.to_le_bytes());
            pair[2..].copy_from_slice(&right.to_le_bytes());
        }
        if let Some(writer) = &mut self.writer {
            writer.write_all(&bytes)?;
        }
        self.frames += 1;
        if self.frames.is_multiple_of(FRAMES_PER_FLUSH) { self.complete() } else { Ok(()) }
    }

    /// Brings the header up to date and hands everything to the operating system.
    fn complete(&mut self) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.seek(SeekFrom::Start(self.start))?;
        writer.write_all(&header(self.frames))?;
        let end = u64::from(HEADER_BYTES) + u64::from(self.frames) * u64::from(FRAME_BYTES);
        writer.seek(SeekFrom::Start(self.start + end))?;
        writer.flush()
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// When the last bytes or the header cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        let completed = self.complete();
        self.writer = None;
        completed
    }
}

impl<W: Write + Seek> Drop for StereoWav<W> {
    fn drop(&mut self) {
        // Whoever wants to know finishes it.
        let _ = self.complete();
    }
}

impl<W: Write + Seek> fmt::Debug for StereoWav<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StereoWav").field("frames", &self.frames).finish_non_exhaustive()
    }
}

/// The header of a file with this many frames.
fn header(frames: u32) -> [u8; HEADER_BYTES as usize] {
    const CHANNELS: u16 = 2;
    const SAMPLE_BYTES: u16 = size_of::<i16>() as u16;
    let data = frames * FRAME_BYTES;
    let mut header = [0; HEADER_BYTES as usize];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &(data + HEADER_BYTES - 8).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        // Linear PCM.
        &1_u16.to_le_bytes(),
        &CHANNELS.to_le_bytes(),
        &SAMPLE_RATE.to_le_bytes(),
        &(SAMPLE_RATE * u32::from(CHANNELS * SAMPLE_BYTES)).to_le_bytes(),
        &(CHANNELS * SAMPLE_BYTES).to_le_bytes(),
        &(8 * SAMPLE_BYTES).to_le_bytes(),
        b"data",
        &data.to_le_bytes(),
    ];
    let mut at = 0;
    for field in fields {
        header[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    }
    header
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
        recording.write(CallTime::ZERO, &tone(1000), &tone(-2000)).unwrap();
        recording.write(CallTime::ZERO, &Frame::SILENCE, &tone(500)).unwrap();
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
            recording.write(CallTime::ZERO, &tone(1000), &tone(1000)).unwrap();
        }
        // Killed: neither finished nor dropped.
        std::mem::forget(recording);
        assert_eq!(disk.read().duration(), 2 * SAMPLE_RATE);
        assert_eq!(disk.read().samples::<i16>().map(Result::unwrap).count(), 2 * 16000);
    }

    /// A file of its own in the folder for such things.
    fn file() -> File {
        let name = format!("voicecall-recording-{}.wav", crate::RecordId::new());
        let path = std::env::temp_dir().join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        // The open file stays usable and disappears when it is closed.
        std::fs::remove_file(path).unwrap();
        file
    }

    fn samples(file: &mut File) -> Vec<i16> {
        file.rewind().unwrap();
        WavReader::new(file).unwrap().samples().map(Result::unwrap).collect()
    }

    #[test]
    fn a_recording_goes_on_where_its_call_goes_on() {
        let mut file = file();
        for (at, level) in [(0, 1000), (60, -2000), (80, 500)] {
            let mut recording = StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap();
            recording.write(CallTime::from_millis(at), &tone(level), &tone(level)).unwrap();
            recording.finish().unwrap();
        }
        let frames: Vec<_> = samples(&mut file).chunks(320).map(|frame| frame[0]).collect();
        let [first, second, third] = [1000, -2000, 500].map(|level| tone(level).decode()[0]);
        assert_eq!(frames, [first, 0, 0, second, third]);
    }

    #[test]
    fn what_a_killed_process_left_is_kept_and_its_header_put_right() {
        let mut file = file();
        let mut recording = StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap();
        recording.write(CallTime::ZERO, &tone(1000), &tone(1000)).unwrap();
        recording.finish().unwrap();
        // Beyond the length in the header, a frame and a half.
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(&[7; 960]).unwrap();
        let mut recording = StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap();
        recording.write(CallTime::from_millis(40), &tone(1000), &tone(1000)).unwrap();
        recording.finish().unwrap();
        let samples = samples(&mut file);
        assert_eq!(samples.len(), 3 * 320);
        assert_eq!((samples[320], samples[640]), (0x0707, tone(1000).decode()[0]));
    }

    #[test]
    fn less_than_a_header_is_begun_anew_and_another_file_is_left_alone() {
        let mut file = file();
        file.write_all(b"RIFF").unwrap();
        StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap().finish().unwrap();
        assert!(samples(&mut file).is_empty());
        file.rewind().unwrap();
        file.write_all(&[b'x'; 100]).unwrap();
        let error = StereoWav::resume(file.try_clone().unwrap(), &consent()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let mut left = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut left).unwrap();
        assert_eq!(left, [b'x'; 100]);
    }

    #[test]
    fn what_comes_for_a_time_already_written_goes_behind() {
        let disk = Disk::default();
        let mut recording = StereoWav::new(disk.clone(), &consent()).unwrap();
        for at in [0, 0, 11, 40, 79] {
            recording.write(CallTime::from_millis(at), &tone(1000), &tone(1000)).unwrap();
        }
        recording.finish().unwrap();
        assert_eq!(disk.read().duration(), 5 * 160);
    }

    #[test]
    fn errors_of_the_disk_arrive_as_they_are() {
        let disk = Disk { limit: Some(1000), ..Disk::default() };
        let mut recording = StereoWav::new(disk, &consent()).unwrap();
        recording.write(CallTime::ZERO, &tone(1), &tone(1)).unwrap();
        let error = recording.write(CallTime::ZERO, &tone(1), &tone(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_recording_ends_before_the_limit_of_the_format() {
        let mut recording = StereoWav::new(Cursor::new(Vec::new()), &consent()).unwrap();
        recording.frames = MAX_FRAMES - 1;
        recording.write(CallTime::ZERO, &tone(1), &tone(1)).unwrap();
        let error = recording.write(CallTime::ZERO, &tone(1), &tone(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
