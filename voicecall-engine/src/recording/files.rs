//! The files of a session: their names, how they are begun, and how they are read.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use voicecall_core::audio::{OpenedRecording, StereoWav, seal_recording};
use voicecall_core::{ConsentToken, ContentSeal, SealedFile, SealedReader, SealedRow, SessionId, TenantId};

/// The most files of inputs of one session.
const MOST_INPUT_FILES: u32 = 100;

/// What a session leaves below the folder of recordings: a folder with `recording.wav`, and `inputs.jsonl`, `inputs-2.jsonl` and
/// so on, one for each of its connections. Sealed files have the same names, and begin with `vcsealed`.
#[derive(Debug, Clone)]
pub struct RecordingFolder {
    pub(super) session: SessionId,
    path: PathBuf,
    row: SealedRow,
    seal: ContentSeal,
}

impl RecordingFolder {
    /// The folder of a session below `recordings`, be it there or not.
    #[must_use]
    pub fn new(recordings: &Path, (tenant, session): (TenantId, SessionId), seal: &ContentSeal) -> Self {
        let row = SealedRow::session(tenant, session);
        Self { session, path: recordings.join(session.to_string()), row, seal: seal.clone() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The recording, read as a WAV file whether or not it is sealed.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none; as [`OpenedRecording::open`].
    pub fn open_recording(&self) -> io::Result<OpenedRecording> {
        OpenedRecording::open(&self.recording(), &self.seal, self.row)
    }

    /// The names of the files of inputs, in the order of the connections.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        (1..=MOST_INPUT_FILES).map(inputs_name).take_while(|name| self.path.join(name).exists()).collect()
    }

    /// A file of inputs, read as lines of JSON whether or not it is sealed.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none; [`io::ErrorKind::InvalidData`] if it is sealed and there is no key, or for
    /// another session; when it cannot be read.
    pub fn open_inputs(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(self.path.join(name))?;
        if SealedFile::is_sealed(&mut file)? {
            let vault = self.seal.vault().ok_or_else(no_key)?;
            return Ok(Box::new(SealedReader::open(file, vault, self.row, name)?));
        }
        file.rewind()?;
        Ok(Box::new(file))
    }

    /// Seals the files that are not sealed, if content is, and with the vault's first key those of which another one sealed the
    /// key; for a session that is over. Returns how many files that were.
    ///
    /// # Errors
    /// When one cannot be read or written, or opens with no key. What was done stays done, and it can be repeated.
    pub fn renew(&self) -> io::Result<u64> {
        let Some(vault) = self.seal.vault() else { return Ok(0) };
        let mut renewed = 0;
        let recording = self.recording();
        if recording.exists() && (self.seal.sealing().is_some() || is_sealed(&recording)?) {
            renewed += u64::from(seal_recording(&recording, vault, self.row)?);
        }
        for name in self.inputs() {
            let path = self.path.join(&name);
            let mut file = File::options().read(true).write(true).open(&path)?;
            if SealedFile::is_sealed(&mut file)? {
                renewed += u64::from(SealedFile::rekey(&mut file, vault, self.row, &name)?);
            } else if self.seal.sealing().is_some() {
                file.rewind()?;
                SealedFile::replace(&path, vault, self.row, &name, &mut file)?;
                renewed += 1;
            }
        }
        Ok(renewed)
    }

    pub(super) fn recording(&self) -> PathBuf {
        self.path.join("recording.wav")
    }

    /// Goes on with the recording, or begins it. One that was begun without being sealed is sealed first, if it is to be; one
    /// that is sealed stays so.
    pub(super) fn resume_recording(&self, consent: &ConsentToken) -> io::Result<StereoWav> {
        private_folder(&self.path)?;
        let path = self.recording();
        let mut file = private(File::options().create(true)).open(&path)?;
        let (is_sealed, is_new) = (SealedFile::is_sealed(&mut file)?, file.metadata()?.len() == 0);
        match (self.seal.sealing(), self.seal.vault()) {
            (Some(vault), _) => {
                if !is_sealed && !is_new {
                    seal_recording(&path, vault, self.row)?;
                    file = private(&mut File::options()).open(&path)?;
                }
                StereoWav::resume_sealed(file, vault, self.row, consent)
            }
            (None, Some(vault)) if is_sealed => StereoWav::resume_sealed(file, vault, self.row, consent),
            (None, None) if is_sealed => Err(no_key()),
            (None, _) => StereoWav::resume(file, consent),
        }
    }

    /// A file for the inputs of one more connection.
    pub(super) fn begin_inputs(&self) -> io::Result<Inputs> {
        for name in (1..=MOST_INPUT_FILES).map(inputs_name) {
            let file = match private(File::options().create_new(true)).open(self.path.join(&name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened?,
            };
            return Ok(match self.seal.sealing() {
                Some(vault) => Inputs::Sealed(SealedFile::resume(file, vault, self.row, &name)?),
                None => Inputs::Plain(file),
            });
        }
        Err(io::Error::other("the session was connected too often"))
    }
}

/// The inputs of one connection on their way to their file.
#[derive(Debug)]
pub(super) enum Inputs {
    Plain(File),
    Sealed(SealedFile),
}

impl Inputs {
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(lines),
            Self::Sealed(file) => file.append(lines),
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Sealed(file) => file.finish(),
        }
    }
}

fn inputs_name(number: u32) -> String {
    if number == 1 { "inputs.jsonl".to_owned() } else { format!("inputs-{number}.jsonl") }
}

fn is_sealed(path: &Path) -> io::Result<bool> {
    SealedFile::is_sealed(&mut File::open(path)?)
}

fn no_key() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is sealed, and there is no key")
}

/// What callers said is nobody's but the owner's of the process.
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.read(true).write(true)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}
