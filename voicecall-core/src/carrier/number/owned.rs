//! A number of an account.

use crate::phone::PhoneNumber;

/// What a number is good for, or has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NumberAbilities {
    /// Calls.
    pub voice: bool,
    /// Texts.
    pub sms: bool,
    /// Texts with media.
    pub mms: bool,
}

impl NumberAbilities {
    /// Calls and nothing else.
    pub const VOICE: Self = Self { voice: true, sms: false, mms: false };

    /// Calls and texts.
    pub const VOICE_AND_SMS: Self = Self { voice: true, sms: true, mms: false };

    /// Whether a number with these abilities has all of `wanted`.
    #[must_use]
    pub const fn include(&self, wanted: &Self) -> bool {
        (self.voice || !wanted.voice) && (self.sms || !wanted.sms) && (self.mms || !wanted.mms)
    }
}

/// A number of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedNumber {
    /// The number.
    pub number: PhoneNumber,
    /// What it is good for.
    pub abilities: NumberAbilities,
}

impl OwnedNumber {
    /// A number with these abilities.
    #[must_use]
    pub const fn new(number: PhoneNumber, abilities: NumberAbilities) -> Self {
        Self { number, abilities }
    }
}
