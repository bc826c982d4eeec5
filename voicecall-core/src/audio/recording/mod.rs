//! Call recordings as stereo WAV files: the caller on the left, the agent on the right.

mod opened;
mod target;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use super::{FRAME_SAMPLES, Frame, SAMPLE_RATE};
use crate::consent::ConsentToken;
use crate::seal::{SealedFile, SealedRow, Vault};
use crate::time::CallTime;
pub use opened::{OpenedRecording, seal_recording};
use target::Target;

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
    target: Option<Target<W>>,
    frames: u32,
}

/// What tells a recording from the other sealed files of its session.
const NAME: &str = "recording";

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
        let frames = frames_in(length.saturating_sub(HEADER_BYTES.into()));
        // Killed while it wrote its header, a process leaves less than one, of which nothing is known.
        if length >= u64::from(HEADER_BYTES) {
            check_header(&mut file)?;
        }
        file.set_len(u64::from(HEADER_BYTES) + u64::from(frames) * u64::from(FRAME_BYTES))?;
        Self::at(Target::Plain { writer: BufWriter::new(file), start: 0 }, frames)
    }

    /// As [`resume`](Self::resume), for a file that is sealed for the session's row. It holds no header, which follows from its
    /// length: [`OpenedRecording`] reads it as the WAV file it would be.
    ///
    /// Each second of audio is sealed by itself, so a process that is killed leaves all but the last.
    ///
    /// # Errors
    ///
    /// As [`SealedFile::resume`].
    pub fn resume_sealed(file: File, vault: &Vault, row: SealedRow, _consent: &ConsentToken) -> io::Result<Self> {
        let file = SealedFile::resume(file, vault, row, NAME)?;
        let frames = frames_in(file.plain_len());
        Self::at(Target::Sealed { file, waiting: Vec::new() }, frames)
    }
}

/// How many whole frames there are in this many bytes.
fn frames_in(bytes: u64) -> u32 {
    u32::try_from(bytes / u64::from(FRAME_BYTES)).unwrap_or(u32::MAX).min(MAX_FRAMES)
}

impl<W: Write + Seek> StereoWav<W> {
    /// Begins a recording in any writer, at its present position. It should be buffered.
    ///
    /// # Errors
    ///
    /// When the header cannot be written.
    pub fn new(mut writer: W, _consent: &ConsentToken) -> io::Result<Self> {
        let start = writer.stream_position()?;
        Self::at(Target::Plain { writer, start }, 0)
    }

    fn at(target: Target<W>, frames: u32) -> io::Result<Self> {
        let mut recording = Self { target: Some(target), frames };
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
        if let Some(target) = &mut self.target {
            target.append(&bytes)?;
        }
        self.frames += 1;
        if self.frames.is_multiple_of(FRAMES_PER_FLUSH) { self.complete() } else { Ok(()) }
    }

    /// Hands everything to the operating system.
    fn complete(&mut self) -> io::Result<()> {
        self.target.as_mut().map_or(Ok(()), |target| target.complete(self.frames))
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// When the last bytes or the header cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.complete()?;
        self.target.take().map_or(Ok(()), Target::finish)
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

/// Refuses a file that does not begin as a recording does, whatever its length.
fn check_header(file: &mut File) -> io::Result<()> {
    let mut found = [0; HEADER_BYTES as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut found)?;
    if found[8..40] != header(0)[8..40] {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is not a recording of a call"));
    }
    Ok(())
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
