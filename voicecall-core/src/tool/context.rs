//! What a tool's handler knows about the call it works for.

use serde::{Deserialize, Serialize};

use crate::id::SessionId;

/// The number of one call of a tool within a session, given by the dialogue, counting up over all its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToolCallId(pub u32);

/// Where a tool's handler works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolContext {
    session: SessionId,
    key: String,
}

impl ToolContext {
    /// For this call of a tool in this session.
    #[must_use]
    pub fn new(session: SessionId, call: ToolCallId) -> Self {
        Self { session, key: format!("{session}-{}", call.0) }
    }

    /// For arguments that are only read.
    pub(super) fn nowhere() -> Self {
        Self { session: SessionId::from_uuid(uuid::Uuid::nil()), key: String::new() }
    }

    /// Whose call.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The idempotency key: the same for this call of the tool however often it is run, and no other's.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}
