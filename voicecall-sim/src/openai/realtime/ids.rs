//! Names of sessions, items, responses and events: the same for the same seed.

use crate::fault::Rng;

/// Gives names of which no two are alike.
#[derive(Debug)]
pub(super) struct Ids(pub(super) Rng);

impl Ids {
    pub(super) fn next(&mut self, kind: &str) -> String {
        format!("{kind}_{:016x}", self.0.next())
    }
}
