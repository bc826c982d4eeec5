//! Where the library ends: core and the engine know calls, and nothing of what a survey does with them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a survey speaks of: no identifier, no text and no public documentation of core or engine has a word that begins
/// with one of these.
const WORDS: &[&str] = &[
    "survey",
    "interview",
    "question",
    "respondent",
    "verification",
    "customer",
    "shop",
    "purchas",
    "feedback",
    "business",
    "sentiment",
    "merchant",
];

/// Words that mean something else where they stand: what begins with the first, below the second path, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("business", "voicecall-core/src/id.rs", "the name by which clients of the reference servers know the tenant"),
    ("business", "voicecall-core/src/journal.rs", "somebody is not to be called any more by anybody of the business"),
    ("business", "voicecall-engine/src/", "the business behind the calls is whoever has them made"),
    ("question", "voicecall-core/src/dialogue/", "consent is a question, and a language model is asked questions"),
    ("question", "voicecall-core/src/call/llm_requests.rs", "the same"),
    ("question", "voicecall-core/src/tool/mod.rs", "whether a tool may run is a question to the caller"),
    ("question", "voicecall-core/src/testing/carrier_suite.rs", "a carrier's menu asks for a key"),
];

/// Tables of the embedded store that a survey made before tables had its name in front.
const TABLES_OF_A_SURVEY: &[&str] =
    &["question_configurations", "customer_counts", "business_contexts", "customer_verifications"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder whose name ends like this, by its path from the root.
fn files(folder: &str, end: &str) -> BTreeMap<String, String> {
    let mut folders = vec![root().join(folder)];
    let mut found = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(end) {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                found.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    assert!(!found.is_empty(), "no {end} below {folder}");
    found
}

/// Whether a file is compiled for tests only. Suites that others run are not: they are public.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("/testing/store/")
}

/// What is not a test of a source file, without comments that are no documentation.
fn spoken(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
    let code = |line: &str| {
        let comment = line.trim_start();
        !comment.starts_with("//") || comment.starts_with("///") || comment.starts_with("//!")
    };
    source[..tests].lines().enumerate().filter(move |(_, line)| code(line)).map(|(index, line)| (index + 1, line))
}

/// The words of a line, those within names among them: `customerPhone` and `customer_phone` are two each.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for char in line.chars() {
        if !char.is_alphabetic() || (was_lower && char.is_uppercase()) {
            words.push(String::new());
        }
        was_lower = char.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| char.is_alphabetic()) {
            word.extend(char.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_of_a_survey(word: &str, path: &str) -> bool {
    let is_meant = |(start, below, _): &(&str, &str, &str)| word.starts_with(start) && path.starts_with(below);
    WORDS.iter().any(|start| word.starts_with(start)) && !EXCEPTIONS.iter().any(is_meant)
}

#[test]
fn core_and_engine_speak_of_no_survey() {
    let mut found = Vec::new();
    for name in ["voicecall-core", "voicecall-engine"] {
        let sources = files(&format!("{name}/src"), ".rs").into_iter().filter(|(path, _)| !is_test(path));
        let texts = [format!("{name}/README.md"), format!("{name}/Cargo.toml")];
        let texts = texts.into_iter().map(|path| (path.clone(), std::fs::read_to_string(root().join(path)).unwrap()));
        for (path, text) in sources.chain(texts) {
            for (number, line) in spoken(&text) {
                let of_a_survey = words(line).into_iter().filter(|word| is_of_a_survey(word, &path));
                found.extend(of_a_survey.map(|word| format!("{path}:{number}: {word}: {}", line.trim())));
            }
        }
    }
    assert!(found.is_empty(), "{} words of a survey:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_exception_is_needed() {
    let sources: Vec<_> = ["voicecall-core", "voicecall-engine"]
        .iter()
        .flat_map(|name| files(&format!("{name}/src"), ".rs"))
        .filter(|(path, _)| !is_test(path))
        .collect();
    for (start, below, why) in EXCEPTIONS {
        let of_it = sources.iter().filter(|(path, _)| path.starts_with(below));
        let mut spoken = of_it.flat_map(|(_, text)| spoken(text)).flat_map(|(_, line)| words(line));
        assert!(spoken.any(|word| word.starts_with(start)), "{start} below {below}: {why}");
    }
}

/// The tables that the embedded store's migrations leave, with their columns.
fn tables() -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sql in files("voicecall-store-sqlite/migrations", ".sql").into_values() {
        let sql: String = sql.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect();
        for statement in sql.split(";\n") {
            let words: Vec<_> = statement.split_whitespace().collect();
            match words.as_slice() {
                ["CREATE", "TABLE", name, ..] => {
                    // A column stands at the beginning of a line, four spaces in; what is more is not.
                    let columns = statement.lines().filter_map(|line| line.strip_prefix("    "));
                    let columns = columns.filter_map(|line| line.split(' ').next());
                    let is_column = |word: &&str| word.starts_with(|char: char| char.is_ascii_lowercase());
                    let columns: Vec<_> = columns.filter(is_column).map(str::to_owned).collect();
                    assert!(!columns.is_empty(), "{name} has no columns");
                    tables.insert((*name).to_owned(), columns);
                }
                ["ALTER", "TABLE", name, "ADD", "COLUMN", column, ..] => {
                    tables.get_mut(*name).unwrap().push((*column).to_owned());
                }
                ["DROP", "TABLE", name, ..] => drop(tables.remove(*name).unwrap()),
                _ => {}
            }
        }
    }
    tables
}

#[test]
fn the_tables_of_sessions_speak_of_no_survey() {
    let mut tables = tables();
    for name in TABLES_OF_A_SURVEY {
        tables.remove(*name).unwrap();
    }
    assert!(tables.contains_key("survey_calls"), "{:?}", tables.keys());
    tables.retain(|name, _| !name.starts_with("survey_"));
    for name in ["sessions", "session_events", "facts", "attempts", "provider_logs", "retention_runs", "do_not_call"] {
        assert!(tables.contains_key(name), "{name} of {:?}", tables.keys());
    }
    assert!(tables["sessions"].len() > 20, "{:?}", tables["sessions"]);
    let names =
        tables.iter().flat_map(|(table, columns)| columns.iter().map(move |column| format!("{table}.{column}")));
    let found: Vec<_> = names.filter(|name| words(name).iter().any(|word| is_of_a_survey(word, ""))).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_shared_stores_tables_of_sessions_speak_of_no_survey() {
    let migrations = files("voicecall-store-postgres/migrations/core", ".sql");
    assert!(migrations.len() >= 2, "forward and back");
    for (path, sql) in migrations {
        let found: Vec<_> = words(&sql).into_iter().filter(|word| is_of_a_survey(word, "")).collect();
        assert!(found.is_empty(), "{found:?} in {path}");
    }
}

/// The crates of ours that a crate depends on, those of its tests among them.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    let (mut found, mut are_dependencies) = (Vec::new(), false);
    for line in manifest.lines() {
        if line.starts_with('[') {
            are_dependencies = line.ends_with("dependencies]");
        }
        let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
        if are_dependencies && dependency.starts_with("voicecall") {
            found.push(dependency.to_owned());
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn core_depends_on_nothing_of_ours_and_engine_and_survey_on_core_alone() {
    assert_eq!(dependencies("voicecall-core"), [""; 0]);
    for name in ["voicecall-engine", "voicecall-survey"] {
        assert_eq!(dependencies(name), ["voicecall-core"], "{name}");
    }
    assert_eq!(dependencies("voicecall-store-sqlite"), ["voicecall-core", "voicecall-survey"]);
    assert_eq!(dependencies("voicecall-store-postgres"), ["voicecall-core", "voicecall-net", "voicecall-survey"]);
    assert_eq!(dependencies("voicecall-net"), ["voicecall-core"]);
}

#[test]
fn words_are_found_within_names() {
    assert_eq!(
        words("pub fn customer_phone(customerPhone: CustomerPhone) // 2"),
        ["pub", "fn", "customer", "phone", "customer", "phone", "customer", "phone"]
    );
    assert!(is_of_a_survey("questions", "voicecall-core/src/store/session.rs"));
    assert!(is_of_a_survey("surveys", "voicecall-core/src/tool/mod.rs"));
    assert!(!is_of_a_survey("question", "voicecall-core/src/tool/mod.rs"));
    assert!(!is_of_a_survey("answer", "voicecall-core/src/store/session.rs"), "a call is answered");
}
