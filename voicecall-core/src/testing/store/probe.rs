//! An extension that every store can have: it refuses what the rules tell it to refuse.

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::id::TenantId;
use crate::journal::{Fact, JournalEntry};
use crate::seal::{LookupHash, PersonKey};
use crate::store::Extension;

/// The extension under which the rules are checked. It keeps nothing; a store is made with it, so that the rules see what
/// becomes of a transaction in which an extension fails.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Probe;

impl Probe {
    /// A fact that it refuses.
    pub(super) fn refused_fact() -> Fact {
        Fact::Custom { kind: "probe.refused".into(), data: Value::Null, personal: false }
    }

    /// Somebody whom it does not erase.
    pub(super) fn kept() -> PersonKey {
        LookupHash::from_bytes([0xEE; 16]).into()
    }

    /// Somebody of whom it claims to keep two rows.
    pub(super) fn known() -> PersonKey {
        LookupHash::from_bytes([0xEF; 16]).into()
    }
}

impl<T: ?Sized> Extension<T> for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn project(&self, _transaction: &mut T, _tenant: TenantId, entry: &JournalEntry) -> Result<()> {
        if entry.fact == Self::refused_fact() {
            return Err(Error::new(ErrorKind::Unavailable, "project fact"));
        }
        Ok(())
    }

    fn export(&self, _transaction: &mut T, _tenant: TenantId, person: PersonKey) -> Result<Value> {
        Ok(if person == Self::known() { json!({ "rows": 2 }) } else { Value::Null })
    }

    fn erase(&self, _transaction: &mut T, _tenant: TenantId, person: PersonKey) -> Result<u64> {
        if person == Self::kept() {
            return Err(Error::new(ErrorKind::Unavailable, "erase person"));
        }
        Ok(if person == Self::known() { 2 } else { 0 })
    }
}
