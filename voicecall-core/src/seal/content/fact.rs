//! Facts of a journal, of which a store still reads the kind.

use serde::{Deserialize, Serialize};

use super::{ContentSeal, marked, unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{SessionId, TenantId};
use crate::journal::{Fact, JournalEntry};
use crate::seal::{SealedRow, Vault};

/// The row of a fact: its session's journal, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FactRow {
    /// Whose.
    pub tenant: TenantId,
    /// Whose journal.
    pub session: SessionId,
    /// The [number](crate::journal::JournalEntry::seq).
    pub seq: u64,
}

impl JournalEntry {
    /// The row of its fact.
    #[must_use]
    pub const fn row(&self, tenant: TenantId) -> FactRow {
        FactRow { tenant, session: self.session, seq: self.seq }
    }
}

/// What stands in the store of a fact that is sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFact {
    /// Its kind.
    fact: String,
    sealed: String,
}

#[derive(Deserialize)]
struct Kind {
    fact: String,
}

impl ContentSeal {
    /// A fact as the JSON that is written to its row. One [without content](Fact::has_content) stays as it is, and of any other
    /// the kind (`fact`) can be read.
    ///
    /// # Errors
    /// As [`Vault::seal`](crate::Vault::seal).
    pub fn seal_fact(&self, row: FactRow, fact: &Fact) -> Result<String> {
        let plain = json(fact)?;
        match self.sealing().filter(|_| fact.has_content()) {
            Some(vault) => seal(vault, row, &plain),
            None => Ok(plain),
        }
    }

    /// The fact that was written to this row.
    ///
    /// # Errors
    /// As [`open_text`](Self::open_text).
    pub fn open_fact(&self, row: FactRow, stored: &str) -> Result<Fact> {
        serde_json::from_str(&self.open_json(row, stored)?).map_err(|_| unreadable())
    }

    /// Whether it is this fact that was written to this row: as it was written, since a number with a fraction may read back as
    /// its neighbour.
    ///
    /// # Errors
    /// As [`open_text`](Self::open_text).
    pub fn is_fact(&self, row: FactRow, stored: &str, fact: &Fact) -> Result<bool> {
        Ok(self.open_json(row, stored)? == json(fact)?)
    }

    /// The JSON as it would be written now, of a fact that stands otherwise in this row.
    ///
    /// # Errors
    /// As [`open_text`](Self::open_text).
    pub fn renew_fact(&self, row: FactRow, stored: &str) -> Result<Option<String>> {
        let sealed = serde_json::from_str::<SealedFact>(stored).ok();
        if sealed.as_ref().map_or_else(|| self.sealing().is_none(), |fact| self.is_current(&fact.sealed)) {
            return Ok(None);
        }
        let plain = self.open_json(row, stored)?;
        let fact: Fact = serde_json::from_str(&plain).map_err(|_| unreadable())?;
        Ok(match self.sealing() {
            Some(vault) if fact.has_content() => Some(seal(vault, row, &plain)?),
            _ => sealed.map(|_| plain),
        })
    }

    fn open_json(&self, row: FactRow, stored: &str) -> Result<String> {
        match serde_json::from_str::<SealedFact>(stored) {
            Ok(fact) => self.open(&context(row), &fact.sealed),
            Err(_) => Ok(stored.to_owned()),
        }
    }
}

fn json(fact: &Fact) -> Result<String> {
    serde_json::to_string(fact).map_err(|error| failed().with_source(error))
}

fn seal(vault: &Vault, row: FactRow, plain: &str) -> Result<String> {
    let Kind { fact } = serde_json::from_str(plain).map_err(|error| failed().with_source(error))?;
    let sealed = marked(&vault.seal(&context(row), plain.as_bytes())?);
    serde_json::to_string(&SealedFact { fact, sealed }).map_err(|error| failed().with_source(error))
}

fn context(row: FactRow) -> String {
    super::context(SealedRow::session(row.tenant, row.session), &format!("fact/{}", row.seq))
}

fn failed() -> Error {
    Error::new(ErrorKind::Internal, "seal fact")
}
