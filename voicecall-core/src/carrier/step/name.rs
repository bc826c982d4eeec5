//! Names we give to things at the carrier.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                if is_name(text) { Ok(Self(text.to_owned())) } else { Err(Error::invalid($field, "1 to 64 of A-Z a-z 0-9 - _ .")) }
            }
        }
    )*};
}

names! {
    /// The name under which callers wait and are joined: 1 to 64 letters, digits, `-`, `_` and `.`.
    HoldName: "hold";
    /// The name of a recording begun in a flow, unique in its call: 1 to 64 letters, digits, `-`, `_` and `.`.
    RecordingName: "recording";
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        assert_eq!("desk-7".parse::<HoldName>().unwrap().as_str(), "desk-7");
        for wrong in ["", "a b", "å", "a<b", &"x".repeat(65)] {
            assert_eq!(wrong.parse::<RecordingName>().unwrap_err().field(), Some("recording"), "{wrong}");
        }
    }
}
