//! Files that are sealed while they grow.
//!
//! The file begins with eight bytes that say what it is, and a key of its own, sealed by the vault for the file's row and name.
//! Then come chunks, each with its length in front (four bytes, the highest first) and sealed by the file's key for its number
//! and for the chunk before it, whose tag it names. So chunks can neither be moved, exchanged nor left out, nor come from
//! another file. The last chunk of a file that was completed is empty: a file without it was cut off.

mod reader;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::key::{Key, random_bytes};
use super::{Sealed, SealedRow, Vault};
use crate::error::Error;
pub use reader::SealedReader;

const MAGIC: [u8; 8] = *b"vcsealed";

/// What sealing adds: the format, the key's id, the nonce and the tag.
const ADDED: u32 = 1 + 8 + 24 + TAG as u32;
const TAG: usize = 16;

/// The file's key as it stands behind the magic.
const KEY: usize = 32 + ADDED as usize;
const HEADER: u64 = (MAGIC.len() + KEY) as u64;

/// The most that one chunk holds, in bytes: four seconds of a recording.
const MOST: u32 = 128_000;

/// A file to which what is appended is sealed.
///
/// Each [`append`](Self::append) hands its bytes to the operating system, so that a process that is killed leaves everything
/// but the last piece. [`finish`](Self::finish) notes that nothing is missing; dropping it does not.
pub struct SealedFile {
    file: File,
    key: Key,
    end: End,
}

/// Where a file goes on.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    /// How many chunks there are.
    chunks: u64,
    /// The tag of the last.
    tag: Option<[u8; TAG]>,
    /// How many bytes they hold.
    plain: u64,
}

/// What a chunk is sealed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    More,
    Last,
}

impl SealedFile {
    /// Goes on with a sealed file that can be read and written, or begins one if the file is empty. Half a chunk at its end, as
    /// a killed process leaves it, is dropped.
    ///
    /// `name` tells the files of one row apart.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if the file is no sealed one, or was sealed for another row, name or vault; when it cannot
    /// be read or written.
    pub fn resume(mut file: File, vault: &Vault, row: SealedRow, name: &str) -> io::Result<Self> {
        // Killed while it wrote its first bytes, a process leaves less than a header, of which nothing is known.
        if file.metadata()?.len() < HEADER && begins_as_sealed(&mut file)? {
            let secret = random_bytes::<32>().map_err(io::Error::other)?;
            let sealed = vault.seal(&context(row, name), &secret).map_err(io::Error::other)?;
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&[&MAGIC, sealed.as_bytes()].concat())?;
            return Ok(Self { file, key: Key::new(&secret), end: End::default() });
        }
        let mut reader = SealedReader::open(file, vault, row, name)?;
        let end = reader.end_to_go_on()?;
        let SealedReader { mut file, key, .. } = reader;
        let at = HEADER + end.plain + end.chunks * u64::from(4 + ADDED);
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
        Ok(Self { file, key, end })
    }

    /// How many bytes were appended, over all its openings.
    #[must_use]
    pub const fn plain_len(&self) -> u64 {
        self.end.plain
    }

    /// Seals `plain` and hands it to the operating system; nothing for nothing.
    ///
    /// # Errors
    /// When it cannot be written; the file should then be given up.
    pub fn append(&mut self, plain: &[u8]) -> io::Result<()> {
        plain.chunks(MOST as usize).try_for_each(|piece| self.write(Kind::More, piece))
    }

    /// Notes that the file is complete.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.write(Kind::Last, &[])
    }

    fn write(&mut self, kind: Kind, plain: &[u8]) -> io::Result<()> {
        let sealed = self.key.seal(&self.end.context(kind), plain).map_err(io::Error::other)?;
        let sealed = sealed.as_bytes();
        // At most `MOST` and what sealing adds.
        let length = (sealed.len() as u32).to_be_bytes();
        self.file.write_all(&[&length, sealed].concat())?;
        self.end.chunks += 1;
        self.end.tag = sealed.last_chunk().copied();
        self.end.plain += plain.len() as u64;
        Ok(())
    }

    /// Seals the key of a sealed file with the first key of the vault, if another one did. The file may be being written.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn rekey(file: &mut File, vault: &Vault, row: SealedRow, name: &str) -> io::Result<bool> {
        let (sealed, secret) = read_key(file, vault, row, name)?;
        if vault.is_of_first_key(&sealed) {
            return Ok(false);
        }
        let anew = vault.seal(&context(row, name), &secret).map_err(io::Error::other)?;
        file.seek(SeekFrom::Start(MAGIC.len() as u64))?;
        // As long as the one before, and within one sector of the disk.
        file.write_all(anew.as_bytes())?;
        file.sync_all()?;
        Ok(true)
    }

    /// Seals what is left to read of `plain` into the place of the file at `path`: the whole of it, or nothing.
    ///
    /// # Errors
    /// When it cannot be read or written: the file then is as it was.
    pub fn replace(path: &Path, vault: &Vault, row: SealedRow, name: &str, plain: &mut impl Read) -> io::Result<()> {
        let beside = path.with_added_extension("sealing");
        let mut options = File::options();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.read(true).write(true).create(true).truncate(true).open(&beside)?;
        let seal = || {
            let (synced, mut sealed) = (file.try_clone()?, Self::resume(file, vault, row, name)?);
            let mut piece = Vec::new();
            while plain.take(MOST.into()).read_to_end(&mut piece)? > 0 {
                sealed.append(&piece)?;
                piece.clear();
            }
            sealed.finish()?;
            // On the disk before the other one is gone.
            synced.sync_all()?;
            fs::rename(&beside, path)
        };
        seal().inspect_err(|_| drop(fs::remove_file(&beside)))
    }

    /// Whether a file says that it is a sealed one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_sealed(file: &mut File) -> io::Result<bool> {
        let mut found = [0; MAGIC.len()];
        file.rewind()?;
        match file.read_exact(&mut found) {
            Ok(()) => Ok(found == MAGIC),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedFile").field("plain_len", &self.end.plain).finish_non_exhaustive()
    }
}

impl End {
    /// What the next chunk is bound to.
    fn context(&self, kind: Kind) -> String {
        let before = self.tag.map_or(0, u128::from_be_bytes);
        let kind = if kind == Kind::Last { "last" } else { "more" };
        format!("{}/{before:032x}/{kind}", self.chunks)
    }
}

/// What a file's key is bound to.
fn context(row: SealedRow, name: &str) -> String {
    format!("{row}/file/{name}")
}

/// Whether what there is of a header is of one of ours.
fn begins_as_sealed(file: &mut File) -> io::Result<bool> {
    let mut found = Vec::new();
    file.rewind()?;
    file.take(MAGIC.len() as u64).read_to_end(&mut found)?;
    Ok(MAGIC.starts_with(&found))
}

/// The key of a file, sealed and open.
fn read_key(file: &mut File, vault: &Vault, row: SealedRow, name: &str) -> io::Result<(Sealed, [u8; 32])> {
    let mut header = [0; HEADER as usize];
    file.rewind()?;
    file.read_exact(&mut header).map_err(|_| invalid("it is no sealed file"))?;
    let (magic, sealed) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(invalid("it is no sealed file"));
    }
    let sealed = Sealed::from_bytes(sealed.to_vec());
    let secret = vault.open(&context(row, name), &sealed).map_err(unreadable)?;
    let secret = secret.try_into().map_err(|_| invalid("its key is none"))?;
    Ok((sealed, secret))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn unreadable(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
