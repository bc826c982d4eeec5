//! Where a tenant wants events delivered to.

use jiff::Timestamp;
use url::Url;

use crate::event::EventType;
use crate::id::{SubscriptionId, TenantId};
use crate::text_enum;

text_enum! {
    /// Whether events are delivered.
    SubscriptionState, "state" {
        /// They are.
        Active = "active",
        /// They are not: the receiver said so (410), or the tenant did.
        Disabled = "disabled",
    }
}

/// Where a tenant wants events delivered to. Its secret is not among it: that is made anew from the vault's index key, the
/// subscription's id and `generation`, whenever it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Whose.
    pub tenant: TenantId,
    /// The address.
    pub url: Url,
    /// Which events; all of them if empty.
    pub events: Vec<EventType>,
    /// Whether events are delivered.
    pub state: SubscriptionState,
    /// How often the secret was changed.
    pub generation: u32,
    /// When it was changed last. The one before is good for some time after.
    pub rotated_at: Timestamp,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

impl Subscription {
    /// A subscription to these events; to all if there are none.
    #[must_use]
    pub fn new(tenant: TenantId, url: Url, events: impl IntoIterator<Item = EventType>, at: Timestamp) -> Self {
        Self {
            id: SubscriptionId::new(),
            tenant,
            url,
            events: events.into_iter().collect(),
            state: SubscriptionState::Active,
            generation: 0,
            rotated_at: at,
            created_at: at,
            updated_at: at,
        }
    }

    /// Whether events of this kind are delivered.
    #[must_use]
    pub fn wants(&self, kind: EventType) -> bool {
        self.state == SubscriptionState::Active && (self.events.is_empty() || self.events.contains(&kind))
    }
}
