//! Lists come in pages.

use crate::error::{Error, Result};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// From 1.
    pub page: u32,
    /// From 1 to 100.
    pub per_page: u32,
}

impl PageRequest {
    /// The longest page.
    pub const MAX_PER_PAGE: u32 = 100;

    /// Checks both ranges, as every store does.
    ///
    /// # Errors
    /// `Invalid` naming `page` or `limit`.
    pub fn validate(self) -> Result<()> {
        if self.page == 0 {
            return Err(Error::invalid("page", "from 1"));
        }
        if !(1..=Self::MAX_PER_PAGE).contains(&self.per_page) {
            return Err(Error::invalid("limit", "1 to 100"));
        }
        Ok(())
    }

    /// How many items come before this page.
    #[must_use]
    pub const fn offset(self) -> u64 {
        (self.page as u64).saturating_sub(1) * self.per_page as u64
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { page: 1, per_page: 50 }
    }
}
