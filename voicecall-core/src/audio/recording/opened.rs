//! Reading recordings, sealed or not.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::{FRAME_BYTES, HEADER_BYTES, NAME, check_header, frames_in, header};
use crate::seal::{ContentSeal, SealedFile, SealedReader, SealedRow, Vault};

/// Reads a recording as a WAV file, whether or not it is sealed.
#[derive(Debug)]
pub struct OpenedRecording {
    source: Source,
    length: u64,
}

#[derive(Debug)]
enum Source {
    Plain(File),
    Sealed {
        header: [u8; HEADER_BYTES as usize],
        reader: Box<SealedReader>,
        /// Where reading goes on in the WAV file.
        position: u64,
    },
}

impl OpenedRecording {
    /// Opens the recording of a session.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none; [`io::ErrorKind::InvalidData`] if it is sealed and there is no key, or it
    /// was sealed for another row; when it cannot be read.
    pub fn open(path: &Path, seal: &ContentSeal, row: SealedRow) -> io::Result<Self> {
        let mut file = File::open(path)?;
        if !SealedFile::is_sealed(&mut file)? {
            file.rewind()?;
            return Ok(Self { length: file.metadata()?.len(), source: Source::Plain(file) });
        }
        let no_key = || io::Error::new(io::ErrorKind::InvalidData, "it is sealed, and there is no key");
        let reader = SealedReader::open(file, seal.vault().ok_or_else(no_key)?, row, NAME)?;
        let frames = frames_in(reader.plain_len());
        let length = u64::from(HEADER_BYTES) + u64::from(frames) * u64::from(FRAME_BYTES);
        let source = Source::Sealed { header: header(frames), reader: Box::new(reader), position: 0 };
        Ok(Self { source, length })
    }

    /// The length of the WAV file, in bytes.
    #[must_use]
    pub const fn wav_len(&self) -> u64 {
        self.length
    }

    /// Whether it is certain that nothing is missing at its end: it is sealed, and was completed.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        match &self.source {
            Source::Plain(_) => false,
            Source::Sealed { reader, .. } => reader.is_complete(),
        }
    }
}

impl Read for OpenedRecording {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Plain(file) => file.read(buffer),
            Source::Sealed { header, reader, position } => {
                let rest = self.length.saturating_sub(*position);
                let wanted = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
                let buffer = &mut buffer[..wanted];
                let read = match position.checked_sub(HEADER_BYTES.into()) {
                    Some(behind) => {
                        reader.seek(SeekFrom::Start(behind))?;
                        reader.read(buffer)?
                    }
                    // Less than a header.
                    None => (&header[*position as usize..]).read(buffer)?,
                };
                *position += read as u64;
                Ok(read)
            }
        }
    }
}

impl Seek for OpenedRecording {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.source {
            Source::Plain(file) => file.seek(to),
            Source::Sealed { position, .. } => {
                let wanted = match to {
                    SeekFrom::Start(at) => Some(at),
                    SeekFrom::Current(by) => position.checked_add_signed(by),
                    SeekFrom::End(by) => self.length.checked_add_signed(by),
                };
                *position = wanted.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
                Ok(*position)
            }
        }
    }
}

/// Seals the recording in a file that nobody is writing to, or seals the key of a sealed one anew. Returns whether there was
/// anything to do.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if it is neither a recording nor sealed for this row; when it cannot be read or written: the
/// file then is as it was.
pub fn seal_recording(path: &Path, vault: &Vault, row: SealedRow) -> io::Result<bool> {
    let mut file = File::options().read(true).write(true).open(path)?;
    if SealedFile::is_sealed(&mut file)? {
        return SealedFile::rekey(&mut file, vault, row, NAME);
    }
    check_header(&mut file)?;
    SealedFile::replace(path, vault, row, NAME, &mut file)?;
    Ok(true)
}
