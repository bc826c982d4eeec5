//! Reading sealed files.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::{ADDED, End, HEADER, Key, Kind, MOST, TAG, invalid, read_key, unreadable};
use crate::seal::{Sealed, SealedRow, Vault};

/// Reads a [`SealedFile`](super::SealedFile) as if it were not sealed. Each chunk is checked when it is read.
pub struct SealedReader {
    pub(super) file: File,
    pub(super) key: Key,
    chunks: Vec<Chunk>,
    is_complete: bool,
    /// Where reading goes on, in bytes of what is sealed.
    position: u64,
    /// The chunk that was opened last.
    opened: Option<(usize, Vec<u8>)>,
}

/// Where a chunk stands.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    /// Where its length stands in the file.
    at: u64,
    /// Where its bytes stand in what is sealed, and how many they are.
    plain: u64,
    length: u32,
}

impl Chunk {
    /// Where the next one stands in the file.
    fn end(&self) -> u64 {
        self.at + u64::from(4 + ADDED + self.length)
    }
}

impl SealedReader {
    /// Opens a file that was sealed for this row and name.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if it is no sealed file, or was sealed for another row, name or vault; when it cannot be
    /// read.
    pub fn open(mut file: File, vault: &Vault, row: SealedRow, name: &str) -> io::Result<Self> {
        let (_, secret) = read_key(&mut file, vault, row, name)?;
        let mut reader =
            Self { file, key: Key::new(&secret), chunks: Vec::new(), is_complete: false, position: 0, opened: None };
        reader.find_chunks()?;
        reader.is_complete = reader.take_end();
        Ok(reader)
    }

    /// Finds the chunks that are whole. What is behind them was cut off.
    fn find_chunks(&mut self) -> io::Result<()> {
        let end = self.file.metadata()?.len();
        let (mut at, mut plain) = (HEADER, 0);
        while at + 4 <= end {
            let mut length = [0; 4];
            self.file.seek(SeekFrom::Start(at))?;
            self.file.read_exact(&mut length)?;
            let length = u32::from_be_bytes(length).checked_sub(ADDED).filter(|length| *length <= MOST);
            let Some(chunk) = length.map(|length| Chunk { at, plain, length }).filter(|chunk| chunk.end() <= end)
            else {
                break;
            };
            self.chunks.push(chunk);
            (at, plain) = (chunk.end(), plain + u64::from(chunk.length));
        }
        Ok(())
    }

    /// Takes the empty chunk away with which a file is completed, and tells whether there was one.
    fn take_end(&mut self) -> bool {
        let Some((number, _)) = self.chunks.iter().enumerate().next_back().filter(|(_, chunk)| chunk.length == 0)
        else {
            return false;
        };
        let is_last = self.open_chunk(number, Kind::Last).is_ok();
        self.chunks.pop();
        is_last
    }

    /// Where more can be appended: behind the last chunk that opens. A computer without power may leave one that does not.
    pub(super) fn end_to_go_on(&mut self) -> io::Result<End> {
        if let Some(last) = self.chunks.len().checked_sub(1)
            && self.open_chunk(last, Kind::More).is_err()
        {
            self.chunks.pop();
        }
        self.end_before(self.chunks.len())
    }

    /// How many bytes are sealed in it.
    #[must_use]
    pub fn plain_len(&self) -> u64 {
        self.chunks.last().map_or(0, |chunk| chunk.plain + u64::from(chunk.length))
    }

    /// Whether the file was completed. One that was not may lack its end.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// What the chunk with this number follows.
    fn end_before(&mut self, chunks: usize) -> io::Result<End> {
        let Some(before) = chunks.checked_sub(1).and_then(|before| self.chunks.get(before)) else {
            return Ok(End::default());
        };
        let mut tag = [0; TAG];
        self.file.seek(SeekFrom::Start(before.end() - TAG as u64))?;
        let plain = before.plain + u64::from(before.length);
        self.file.read_exact(&mut tag)?;
        Ok(End { chunks: chunks as u64, tag: Some(tag), plain })
    }

    fn open_chunk(&mut self, number: usize, kind: Kind) -> io::Result<Vec<u8>> {
        let context = self.end_before(number)?.context(kind);
        let chunk = *self.chunks.get(number).ok_or_else(|| invalid("it has no such chunk"))?;
        let mut sealed = vec![0; (ADDED + chunk.length) as usize];
        self.file.seek(SeekFrom::Start(chunk.at + 4))?;
        self.file.read_exact(&mut sealed)?;
        self.key.open_sealed(&context, &Sealed::from_bytes(sealed)).map_err(unreadable)
    }
}

impl Read for SealedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let behind = self.chunks.partition_point(|chunk| chunk.plain <= self.position);
        let Some(number) = behind.checked_sub(1).filter(|_| self.position < self.plain_len()) else { return Ok(0) };
        if self.opened.as_ref().is_none_or(|(opened, _)| *opened != number) {
            self.opened = Some((number, self.open_chunk(number, Kind::More)?));
        }
        let Some((_, plain)) = &self.opened else { return Ok(0) };
        let skipped = self.position - self.chunks[number].plain;
        let rest = plain.get(skipped as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for SealedReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.plain_len().checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

impl fmt::Debug for SealedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedReader").field("plain_len", &self.plain_len()).finish_non_exhaustive()
    }
}
