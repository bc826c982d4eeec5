//! What a token is good for (RFC 8693, section 4.2: the claim `scope`).

use axum::http::StatusCode;

use super::ApiError;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// One thing that a token may be good for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Scope {
            $($(#[$doc])* $name,)*
        }

        impl Scope {
            /// The word of the claim.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The scope of a word.
            pub(crate) fn named(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

scopes! {
    /// Reading calls, answers, questions and numbers of calls.
    Read = "read",
    /// Placing and ending calls, keeping purchases, changing questions.
    Operate = "operate",
    /// Everything of one person: to be exported and to be erased.
    Privacy = "privacy",
    /// How the business calls.
    Admin = "admin",
}

/// Refuses a token whose claim `scope` (words with a space between) does not name `needed`.
///
/// # Errors
/// 403 naming the scope.
pub(super) fn check(claim: &str, needed: Scope) -> Result<(), ApiError> {
    if claim.split(' ').any(|word| word == needed.as_str()) {
        return Ok(());
    }
    let message = format!("authorization: the token lacks the scope {}", needed.as_str());
    Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message).with_field("authorization"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_whole_word_and_none_holds_another() {
        for scope in [Scope::Read, Scope::Operate, Scope::Privacy, Scope::Admin] {
            assert_eq!(Scope::named(scope.as_str()), Some(scope));
            assert!(check("read operate privacy admin", scope).is_ok());
            for claim in ["", "readoperateprivacyadmin", "reading", "READ"] {
                assert_eq!(check(claim, scope).unwrap_err().status(), StatusCode::FORBIDDEN, "{claim}");
            }
        }
        assert!(check("read operate", Scope::Privacy).is_err());
    }
}
