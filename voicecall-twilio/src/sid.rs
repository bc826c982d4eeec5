//! Twilio's names for things, each of a type of its own.

/// Makes types of SIDs: two letters that say of what it is, and 32 hexadecimal digits.
macro_rules! sids {
    ($($(#[$doc:meta])* $name:ident: $prefix:literal, $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The SID.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = voicecall_core::Error;

            fn from_str(text: &str) -> voicecall_core::Result<Self> {
                let expected = concat!($prefix, " and 32 hexadecimal digits");
                match $crate::sid::is_sid($prefix, text) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(voicecall_core::Error::invalid($field, expected).with_provider($crate::PROVIDER)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

/// Makes a `Debug` that prints these fields and no others: what people wrote, and who they are, does not belong in logs.
macro_rules! debug_without_content {
    ($name:ident: $($field:ident),*) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use {debug_without_content, sids};

/// Whether it is a SID of this kind. It goes into paths, so nothing else passes.
pub(crate) fn is_sid(prefix: &str, text: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::is_sid;

    #[test]
    fn two_letters_and_32_hexadecimal_digits_are_a_sid() {
        assert!(is_sid("CH", "CH0123456789abcdef0123456789ABCDEF"));
        for wrong in [
            "",
            "CH",
            "CH1",
            "IM0123456789abcdef0123456789abcdef",
            "CH0123456789abcdef0123456789abcd/.",
            "CH../../../../../../../../../../..",
        ] {
            assert!(!is_sid("CH", wrong), "{wrong}");
        }
    }
}
