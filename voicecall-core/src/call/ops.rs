//! The numbers of operations: each is given once, and what arrives for another is recognised as old.

use crate::agent::OpId;

/// Gives out operation numbers.
#[derive(Debug, Default)]
pub(super) struct Ops(u32);

impl Ops {
    pub(super) fn next(&mut self) -> OpId {
        self.0 += 1;
        OpId(self.0)
    }
}
