//! JSON documents, of which a database may count strings that it does not know.

use serde_json::{Map, Value};

use super::{ContentSeal, MARK, context, marked, unreadable};
use crate::error::Result;
use crate::id::TenantId;
use crate::seal::SealedRow;

/// The member of a sealed document that holds it.
const SEALED: &str = "sealed";

impl ContentSeal {
    /// A document as it is written to this field of a row. The strings in its array `counted` are sealed once more, each by
    /// itself and always alike for one tenant, so that a database counts equal ones without knowing them.
    ///
    /// # Errors
    /// As [`Vault::seal`](crate::Vault::seal).
    pub fn seal_document(&self, row: SealedRow, field: &str, document: &Value, counted: Option<&str>) -> Result<Value> {
        let Some(vault) = self.sealing() else { return Ok(document.clone()) };
        let sealed = vault.seal(&context(row, field), document.to_string().as_bytes())?;
        let mut kept = Map::from_iter([(SEALED.to_owned(), marked(&sealed).into())]);
        if let Some((name, Value::Array(strings))) = counted.and_then(|name| Some((name, document.get(name)?))) {
            let context = counted_context(row.tenant);
            let seal = |string: &str| Ok(marked(&vault.seal_alike(&context, string.as_bytes())?).into());
            let strings = strings.iter().filter_map(Value::as_str).map(seal).collect::<Result<_>>()?;
            kept.insert(name.to_owned(), Value::Array(strings));
        }
        Ok(Value::Object(kept))
    }

    /// The document that was written to this field of a row.
    ///
    /// # Errors
    /// As [`open_text`](Self::open_text).
    pub fn open_document(&self, row: SealedRow, field: &str, stored: Value) -> Result<Value> {
        let Some(sealed) = sealed_member(&stored) else { return Ok(stored) };
        serde_json::from_str(&self.open(&context(row, field), sealed)?).map_err(|_| unreadable())
    }

    /// Whether a document stands as it would be written now.
    #[must_use]
    pub fn is_current_document(&self, stored: &Value) -> bool {
        sealed_member(stored).map_or_else(|| self.sealing().is_none(), |sealed| self.is_current(sealed))
    }

    /// A string that a database counted; `None` for one that no key opens.
    #[must_use]
    pub fn open_counted(&self, tenant: TenantId, stored: &str) -> Option<String> {
        self.open(&counted_context(tenant), stored).ok()
    }
}

/// What makes a document a sealed one.
fn sealed_member(document: &Value) -> Option<&str> {
    document.get(SEALED)?.as_str().filter(|text| text.starts_with(MARK))
}

fn counted_context(tenant: TenantId) -> String {
    format!("{tenant}/counted")
}
