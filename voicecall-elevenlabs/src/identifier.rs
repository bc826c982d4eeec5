//! Ids that become part of an address.

use voicecall_core::{Error, Result};

/// The longest id that is believed to be one.
const LONGEST: usize = 128;

/// The id, if it can stand in a path without changing it: ElevenLabs's ids are letters and digits.
pub(crate) fn checked<'a>(field: &'static str, id: &'a str) -> Result<&'a str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if id.is_empty() || id.len() > LONGEST || !id.chars().all(is_plain) {
        return Err(Error::invalid(field, "an id of letters, digits, - and _"));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_change_a_path_is_no_id() {
        assert_eq!(checked("voice", "21m00Tcm4TlvDq8ikWAM").unwrap(), "21m00Tcm4TlvDq8ikWAM");
        for wrong in ["", ".", "..", "a/b", "a?b", "å", &"a".repeat(129)] {
            assert_eq!(checked("voice", wrong).unwrap_err().field(), Some("voice"), "{wrong}");
        }
    }
}
