//! Sealing of content, by option: what people said, and what was made of it.

mod document;
mod fact;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Sealed, SealedRow, Vault};
use crate::error::{Error, ErrorKind, Result};
pub use fact::FactRow;

/// Whether content is sealed before it is written: facts with words, transcripts, answers, analyses, recordings and recorded
/// inputs. One value for an application, which its store and its engine are given.
///
/// Each value is bound to its row, and says by itself whether it is sealed, so that a store may hold both.
/// [`rekey`](crate::store::rekey) brings what is there into the form in which it would be written now.
///
/// ```
/// use std::sync::Arc;
/// use voicecall_core::{ContentSeal, SealedRow, SessionId, TenantId, Vault};
/// let (vault, row) = (Arc::new(Vault::generate()?), SealedRow::session(TenantId::new(), SessionId::new()));
/// let stored = ContentSeal::Seal(Arc::clone(&vault)).seal_text(row, "note", "Bra")?;
/// assert!(!stored.contains("Bra"));
/// assert_eq!(ContentSeal::Open(vault).open_text(row, "note", &stored)?, "Bra");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub enum ContentSeal {
    /// Content is written as it is. Nothing that is sealed can be read.
    #[default]
    Off,
    /// Content is written as it is, and what was sealed is opened: for a store on which sealing was switched off.
    Open(Arc<Vault>),
    /// Content is sealed by the vault's first key, and what is not sealed is read as it is.
    Seal(Arc<Vault>),
}

/// The first character of sealed text, which nobody says: "start of text".
const MARK: char = '\u{2}';

impl ContentSeal {
    /// The vault whose keys open content.
    #[must_use]
    pub const fn vault(&self) -> Option<&Arc<Vault>> {
        match self {
            Self::Off => None,
            Self::Open(vault) | Self::Seal(vault) => Some(vault),
        }
    }

    /// The vault whose first key seals content; `None` if content is written as it is.
    #[must_use]
    pub const fn sealing(&self) -> Option<&Arc<Vault>> {
        match self {
            Self::Off | Self::Open(_) => None,
            Self::Seal(vault) => Some(vault),
        }
    }

    /// A text as it is written to this field of a row.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn seal_text(&self, row: SealedRow, field: &str, text: &str) -> Result<String> {
        match self.sealing() {
            Some(vault) => Ok(marked(&vault.seal(&context(row, field), text.as_bytes())?)),
            // What is not sealed must not look as if it were.
            None => Ok(text.trim_start_matches(MARK).to_owned()),
        }
    }

    /// The text that was written to this field of a row.
    ///
    /// # Errors
    /// As [`Vault::open`]; `unknown_key` also if there is no key at all.
    pub fn open_text(&self, row: SealedRow, field: &str, stored: &str) -> Result<String> {
        self.open(&context(row, field), stored)
    }

    /// Whether a text stands as it would be written now.
    #[must_use]
    pub fn is_current(&self, stored: &str) -> bool {
        match (self.sealing(), stored.strip_prefix(MARK)) {
            (Some(vault), Some(sealed)) => decode(sealed).is_ok_and(|sealed| vault.is_of_first_key(&sealed)),
            (sealing, sealed) => sealing.is_none() && sealed.is_none(),
        }
    }

    /// Opens a text if it is sealed.
    fn open(&self, context: &str, stored: &str) -> Result<String> {
        let Some(sealed) = stored.strip_prefix(MARK) else { return Ok(stored.to_owned()) };
        let no_key = || unreadable().with_code("unknown_key").with_message("it is sealed, and there is no key");
        let opened = self.vault().ok_or_else(no_key)?.open(context, &decode(sealed)?)?;
        String::from_utf8(opened).map_err(|_| unreadable())
    }
}

/// What the content of a row's field is bound to.
fn context(row: SealedRow, field: &str) -> String {
    format!("{row}/content/{field}")
}

fn marked(sealed: &Sealed) -> String {
    let mut text = MARK.to_string();
    STANDARD_NO_PAD.encode_string(sealed.as_bytes(), &mut text);
    text
}

fn decode(text: &str) -> Result<Sealed> {
    STANDARD_NO_PAD.decode(text).map(Sealed::from_bytes).map_err(|_| unreadable())
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Internal, "open sealed content")
}
