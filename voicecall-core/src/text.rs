//! Words as types: closed sets of words, open ones, and identifiers, each with one spelling on the wire and in stores.

/// A closed set of words. Reading another word is an error that names the field.
#[doc(hidden)]
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident, $field:literal { $($(#[$arm_doc:meta])* $arm:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name {
            $($(#[$arm_doc])* #[serde(rename = $text)] $arm,)*
        }

        impl $name {
            /// The name on the wire and in stores.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$arm => $text,)* }
            }

            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$arm),*];
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> ::std::result::Result<Self, $crate::Error> {
                match text {
                    $($text => Ok(Self::$arm),)*
                    _ => Err($crate::Error::invalid($field, concat!("one of", $(" ", $text),*))),
                }
            }
        }
    };
}

/// An open set of words: some are known here, and whoever adds to the library brings more.
#[doc(hidden)]
#[macro_export]
macro_rules! open_text {
    ($(#[$doc:meta])* $name:ident { $($(#[$arm_doc:meta])* $arm:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(::std::borrow::Cow<'static, str>);

        #[allow(non_upper_case_globals, reason = "they read like the variants of an enum")]
        impl $name {
            $($(#[$arm_doc])* pub const $arm: Self = Self::new($text);)*
        }

        impl $name {
            /// Another word.
            #[must_use]
            pub const fn new(word: &'static str) -> Self {
                Self(::std::borrow::Cow::Borrowed(word))
            }

            /// The word on the wire and in stores.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self(::std::borrow::Cow::Owned(word))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Identifiers that are UUIDs, each a type of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident: $field:literal;)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize
        )]
        #[serde(transparent)]
        pub struct $name(::uuid::Uuid);

        impl $name {
            /// A new id; ids made later sort later (UUID version 7).
            #[must_use]
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(::uuid::Uuid::now_v7())
            }

            /// The id with this value, as read from a request or a store.
            #[must_use]
            pub const fn from_uuid(uuid: ::uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// The plain UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> &::uuid::Uuid {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> ::std::result::Result<Self, $crate::Error> {
                ::uuid::Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|error| $crate::Error::invalid($field, "a UUID").with_source(error))
            }
        }
    )*};
}
