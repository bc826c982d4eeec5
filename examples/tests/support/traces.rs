//! Looking for traces: in files byte by byte, in tables value by value.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rusqlite::types::Value;

/// Everything that would tell of a customer with this number: as it is written, spoken, masked, and coded.
pub fn of_phone(phone: &str) -> Vec<String> {
    let digits = phone.trim_start_matches('+');
    let national = digits.trim_start_matches("46");
    let masked = format!("{}{}{}", &phone[..3], "*".repeat(phone.len() - 5), &phone[phone.len() - 2..]);
    let mut forms = vec![national.to_owned(), masked];
    for written in [phone.to_owned(), digits.to_owned(), format!("0{national}"), national.to_owned()] {
        let hex: String = written.bytes().map(|byte| format!("{byte:02x}")).collect();
        forms.extend([hex.to_uppercase(), hex, STANDARD_NO_PAD.encode(&written)]);
    }
    let spoken = |separator: &str| {
        let (area, rest) = national.split_at(2);
        format!("{area}{separator}{} {} {}", &rest[..3], &rest[3..5], &rest[5..])
    };
    forms.extend([spoken("-"), spoken(" ")]);
    forms
}

/// Everything that would tell of a record with this id: as text, without hyphens, and as bytes.
pub fn of_id(id: &str) -> Vec<Vec<u8>> {
    let plain = id.replace('-', "");
    let bytes = (0..plain.len()).step_by(2).map(|at| u8::from_str_radix(&plain[at..at + 2], 16).unwrap()).collect();
    vec![id.as_bytes().to_vec(), plain.to_uppercase().into_bytes(), plain.into_bytes(), bytes]
}

/// Where one of these traces is found below a folder. A file's own path counts as well.
pub fn in_files(folder: &Path, traces: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.extend(find(&format!("the name of {}", path.display()), path.to_string_lossy().as_bytes(), traces));
        if path.is_dir() {
            found.extend(in_files(&path, traces));
        } else {
            found.extend(find(&path.display().to_string(), &std::fs::read(&path).unwrap(), traces));
        }
    }
    found
}

/// Where one of these traces is found in any value of any table.
pub fn in_tables(database: &Path, traces: &[Vec<u8>]) -> Vec<String> {
    let database = rusqlite::Connection::open(database).unwrap();
    let names = super::column(database.path().unwrap().as_ref(), "SELECT name FROM sqlite_master WHERE type = 'table'");
    assert!(names.len() > 8, "{names:?}");
    let mut found = Vec::new();
    for name in names {
        let mut query = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = query.column_count();
        let mut rows = query.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let bytes = match row.get::<_, Value>(column).unwrap() {
                    Value::Text(text) => text.into_bytes(),
                    Value::Blob(bytes) => bytes,
                    _ => continue,
                };
                found.extend(find(&format!("{name}, column {column}"), &bytes, traces));
            }
        }
    }
    found
}

/// The traces in these bytes, with where they are.
pub fn find(place: &str, bytes: &[u8], traces: &[Vec<u8>]) -> Vec<String> {
    let is_there = |trace: &&Vec<u8>| bytes.windows(trace.len()).any(|window| window == **trace);
    let found = traces.iter().filter(is_there);
    found.map(|trace| format!("{} in {place}", String::from_utf8_lossy(trace))).collect()
}
