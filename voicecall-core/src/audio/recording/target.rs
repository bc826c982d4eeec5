//! Where the frames of a recording go.

use std::io::{self, Seek, SeekFrom, Write};

use super::{FRAME_BYTES, HEADER_BYTES, header};
use crate::seal::SealedFile;

/// A recording being written.
pub(super) enum Target<W> {
    /// A WAV file.
    Plain {
        writer: W,
        /// Where the header begins.
        start: u64,
    },
    /// The frames of one, sealed.
    Sealed {
        file: SealedFile,
        /// Frames that are not sealed yet: a second at most.
        waiting: Vec<u8>,
    },
}

impl<W: Write + Seek> Target<W> {
    pub(super) fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain { writer, .. } => writer.write_all(frame),
            Self::Sealed { waiting, .. } => {
                waiting.extend_from_slice(frame);
                Ok(())
            }
        }
    }

    /// Hands everything to the operating system, with a header that says how many frames there are.
    pub(super) fn complete(&mut self, frames: u32) -> io::Result<()> {
        match self {
            Self::Plain { writer, start } => {
                writer.seek(SeekFrom::Start(*start))?;
                writer.write_all(&header(frames))?;
                let end = u64::from(HEADER_BYTES) + u64::from(frames) * u64::from(FRAME_BYTES);
                writer.seek(SeekFrom::Start(*start + end))?;
                writer.flush()
            }
            Self::Sealed { file, waiting } => {
                file.append(waiting)?;
                waiting.clear();
                Ok(())
            }
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain { .. } => Ok(()),
            Self::Sealed { file, .. } => file.finish(),
        }
    }
}
