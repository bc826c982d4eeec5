//! Proof of consent: recording and lasting transcripts can only be made by code that holds one.

use serde::{Deserialize, Serialize};

use crate::id::SessionId;

/// Proof that the caller of one session agreed to be recorded.
///
/// Only a journaled consent, or a legal basis the operator declares, makes one; what stores audio asks for it by type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentToken {
    session: SessionId,
    basis: ConsentBasis,
}

/// Why recording is lawful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConsentBasis {
    /// The caller said yes in the call.
    Spoken,
    /// The operator declares another legal basis, such as a contract.
    DeclaredByOperator,
}

impl ConsentToken {
    /// The token for a caller who said yes; made by the call machine when the dialogue grants consent.
    pub(crate) const fn spoken(session: SessionId) -> Self {
        Self { session, basis: ConsentBasis::Spoken }
    }

    /// The token for an operator with another legal basis. The name is long so that a review finds it.
    #[must_use]
    pub const fn operator_declares_legal_basis(session: SessionId) -> Self {
        Self { session, basis: ConsentBasis::DeclaredByOperator }
    }

    /// The session the consent is for.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// Why recording is lawful.
    #[must_use]
    pub const fn basis(&self) -> ConsentBasis {
        self.basis
    }
}
