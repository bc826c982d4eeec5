//! What users of the crates can see, as committed lists: a change of a list is a change of the interface, and is seen.
//!
//! Every `pub` item counts: items that are public and cannot be reached are denied by the lint `unreachable_pub`. The lists
//! are in `docs/public-api`; `VOICECALL_PUBLIC_API=write cargo test --test public_api` writes them anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod external;
mod items;
mod module;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::items::Items;

/// The crates, with their folders.
const CRATES: &[(&str, &str)] = &[
    ("voicecall", "."),
    ("voicecall-core", "voicecall-core"),
    ("voicecall-engine", "voicecall-engine"),
    ("voicecall-survey", "voicecall-survey"),
    ("voicecall-net", "voicecall-net"),
    ("voicecall-twilio", "voicecall-twilio"),
    ("voicecall-46elks", "voicecall-46elks"),
    ("voicecall-openai", "voicecall-openai"),
    ("voicecall-deepgram", "voicecall-deepgram"),
    ("voicecall-elevenlabs", "voicecall-elevenlabs"),
    ("voicecall-mcp", "voicecall-mcp"),
    ("voicecall-messaging", "voicecall-messaging"),
    ("voicecall-workflow", "voicecall-workflow"),
    ("voicecall-store-sqlite", "voicecall-store-sqlite"),
    ("voicecall-store-postgres", "voicecall-store-postgres"),
    ("voicecall-sim", "voicecall-sim"),
];

/// Crates not ours whose types may stand in public signatures: a new major version of one is a breaking change of ours.
const EXTERNAL: &[(&str, &[&str])] = &[
    ("voicecall", &["axum", "jiff", "secrecy", "serde", "tokio", "tokio_util", "url"]),
    (
        "voicecall-core",
        &[
            "async_trait",
            "bytes",
            "futures_core",
            "jiff",
            "schemars",
            "secrecy",
            "serde",
            "serde_json",
            "tokio",
            "url",
            "uuid",
        ],
    ),
    ("voicecall-engine", &["jiff", "secrecy", "tokio", "url"]),
    ("voicecall-survey", &["jiff", "serde", "serde_json", "uuid"]),
    ("voicecall-net", &["bytes", "http", "reqwest", "rustls", "serde_json", "tokio_tungstenite", "url"]),
    ("voicecall-twilio", &["jiff", "secrecy", "serde_json", "url"]),
    ("voicecall-46elks", &["secrecy"]),
    ("voicecall-openai", &["secrecy", "serde_json"]),
    ("voicecall-deepgram", &["secrecy"]),
    ("voicecall-elevenlabs", &["bytes", "secrecy", "serde", "serde_json"]),
    ("voicecall-mcp", &["secrecy"]),
    ("voicecall-messaging", &["url"]),
    ("voicecall-workflow", &["secrecy", "serde", "serde_json", "url"]),
    ("voicecall-store-sqlite", &[]),
    ("voicecall-store-postgres", &["tokio_postgres", "uuid"]),
    ("voicecall-sim", &["axum", "jiff", "serde", "serde_json", "url"]),
];

fn read(folder: &str) -> Items {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    module::read_crate(&folder.join("src/lib.rs"))
}

#[test]
fn the_public_interface_is_the_committed_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/public-api");
    let writes = std::env::var("VOICECALL_PUBLIC_API").is_ok_and(|value| value == "write");
    let mut changed = Vec::new();
    for (name, source) in CRATES {
        let list = read(source).lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let file = folder.join(format!("{name}.txt"));
        if writes {
            fs::write(file, list).unwrap();
            continue;
        }
        let committed = fs::read_to_string(file).unwrap_or_default();
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
        let (old, new) = (lines(&committed), lines(&list));
        changed.extend(old.difference(&new).map(|line| format!("- {name}: {line}")));
        changed.extend(new.difference(&old).map(|line| format!("+ {name}: {line}")));
    }
    assert!(
        changed.is_empty(),
        "the public interface has changed; if that is meant, write it with VOICECALL_PUBLIC_API=write:\n{}",
        changed.join("\n")
    );
}

#[test]
fn types_of_others_in_public_signatures_are_the_listed_ones() {
    let found = CRATES.iter().map(|(name, source)| (*name, read(source).external.into_iter().collect::<Vec<_>>()));
    let listed = EXTERNAL.iter().map(|(name, crates)| (*name, crates.iter().map(|&name| name.to_owned()).collect()));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), listed.collect());
}

#[test]
fn a_signature_is_listed_with_what_it_names_from_elsewhere() {
    let source = "
        use std::sync::Arc;
        use jiff::{Timestamp, civil as day};
        use super::Other;
        /// Documented.
        #[derive(Debug)]
        pub struct Call<T: Send> { /** When. */ pub at: Timestamp, secret: u8, pub other: Other }
        impl<T: Send> Call<T> {
            pub async fn end(&mut self, on: Option<day::Date>) -> crate::Result<Arc<T>> { loop {} }
            fn hidden(&self, url: url::Url) {}
        }
        impl From<bytes::Bytes> for Call<u8> { fn from(_: bytes::Bytes) -> Self { loop {} } }
        struct Local;
        impl Local { pub fn gone(&self) {} }
        pub trait Speaks { fn speak(&self, text: &str) -> bool { true } }
        pub(crate) fn inner(url: url::Url) {}
        pub use self::deep::Thing as Renamed;
        #[cfg(test)] mod tests { pub fn test() {} }
    ";
    let mut items = Items::default();
    module::read_file(&syn::parse_str(source).unwrap(), "call", &mut items);
    let items = items.finish();
    let lines: Vec<&str> = items.lines.iter().map(String::as_str).collect();
    assert_eq!(
        lines,
        [
            "call: #[derive(Debug)] pub struct Call<T: Send> { pub at: Timestamp, pub other: Other, .. }",
            "call: pub trait Speaks { fn speak(&self, text: &str) -> bool {} }",
            "call: pub use self::deep::Thing as Renamed",
            "call::Call: impl From<bytes::Bytes> for Call<u8>",
            "call::Call: pub async fn end(&mut self, on: Option<day::Date>) -> crate::Result<Arc<T>>",
        ]
    );
    assert_eq!(items.external.iter().collect::<Vec<_>>(), ["bytes", "jiff"]);
}
