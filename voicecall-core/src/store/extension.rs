//! What a module keeps beside sessions, in the transactions of the store that keeps the sessions.

use std::fmt::Debug;

use serde_json::Value;

use crate::error::Result;
use crate::id::TenantId;
use crate::journal::JournalEntry;
use crate::seal::PersonKey;

/// Rows that a module keeps beside sessions. `T` is what a store hands out within a transaction.
///
/// Every method runs inside a transaction of the store: what it writes is stored together with what it follows from, and
/// when it fails neither is. What belongs to one session is deleted by the store together with that session.
pub trait Extension<T: ?Sized>: Send + Sync + Debug + 'static {
    /// The module's name, under which its part of an export stands.
    fn name(&self) -> &'static str;

    /// Writes what follows from a journal entry that is new. Comes once per entry, in order.
    ///
    /// # Errors
    /// The entry, and everything appended with it, is then not stored.
    fn project(&self, _transaction: &mut T, _tenant: TenantId, _entry: &JournalEntry) -> Result<()> {
        Ok(())
    }

    /// Everything it keeps about a person, for the person to read; `null` for nothing.
    ///
    /// # Errors
    /// The export then fails.
    fn export(&self, _transaction: &mut T, _tenant: TenantId, _person: PersonKey) -> Result<Value> {
        Ok(Value::Null)
    }

    /// Deletes what it keeps about a person apart from what belongs to the person's sessions, and says how many rows.
    /// Runs before the sessions are deleted.
    ///
    /// # Errors
    /// Nothing at all is then erased.
    fn erase(&self, _transaction: &mut T, _tenant: TenantId, _person: PersonKey) -> Result<u64> {
        Ok(0)
    }
}
