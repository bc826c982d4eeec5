//! Names of tools that a model can write.

/// The longest name, in characters, as core has it.
const LONGEST: usize = 64;

/// A server's name for a tool as a name of at most 64 characters out of `A-Z a-z 0-9 _ -`: what is not allowed becomes
/// `_`, and a name that is too long ends in a number made of the whole of it. The same name is always the same.
pub(crate) fn fitting(prefix: &str, name: &str) -> String {
    let whole = format!("{prefix}{name}");
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    let mut fitting: String = whole.chars().map(|char| if allowed(char) { char } else { '_' }).collect();
    if fitting.len() > LONGEST {
        let number = format!("_{:08x}", fnv1a(&whole));
        fitting.truncate(LONGEST - number.len());
        fitting.push_str(&number);
    }
    fitting
}

/// The 32-bit FNV-1a hash, which is the same in every version and on every machine.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_stay_the_same() {
        assert_eq!(fitting("", "get_time-2"), "get_time-2");
        assert_eq!(fitting("time_", "get"), "time_get");
        assert_eq!(fitting("", "files.read/now å"), "files_read_now__");
        assert_eq!(fitting("", &"x".repeat(64)), "x".repeat(64));
        let long = |end: char| fitting("", &format!("{}{end}", "x".repeat(64)));
        assert_eq!(long('a').len(), 64);
        assert_ne!(long('a'), long('b'), "names that differ at the end stay different");
        assert!(long('a').starts_with(&"x".repeat(55)));
        assert_eq!(long('a'), long('a'));
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!((fnv1a(""), fnv1a("a"), fnv1a("foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
    }
}
