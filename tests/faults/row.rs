//! One line of the report: what was done how often, what was counted, and whether that is what was promised.

use std::fmt::Display;
use std::io::Write;
use std::time::Instant;

use serde_json::{Value, json};

/// Whether everything runs, or a tenth of it.
pub fn is_soak() -> bool {
    std::env::var_os("VOICECALL_SOAK").is_some()
}

/// How often something is done in this run.
pub fn scaled(full: u64) -> u64 {
    if is_soak() { full } else { full.div_ceil(10) }
}

/// A row of the report that is being counted.
pub struct Row {
    id: &'static str,
    what: &'static str,
    seed: u64,
    begun: Instant,
    count: u64,
    counted: Vec<Value>,
    broken: Vec<String>,
    seen: Vec<String>,
}

/// How many cases of what must not happen a failed row shows.
const SHOWN: usize = 3;

impl Row {
    /// A row of this name: what is done, and the seed everything is drawn from.
    pub fn new(id: &'static str, what: &'static str, seed: u64) -> Self {
        Self {
            id,
            what,
            seed,
            begun: Instant::now(),
            count: 0,
            counted: Vec::new(),
            broken: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// So many were done.
    pub fn did(&mut self, count: u64) {
        self.count += count;
    }

    /// A case of what must not happen, to be shown if the row is broken.
    pub fn saw(&mut self, case: impl Display) {
        if self.seen.len() < SHOWN {
            self.seen.push(case.to_string());
        }
    }

    /// Something that was counted and promised nothing.
    pub fn figure(&mut self, what: &str, value: impl Display) {
        self.counted.push(json!([what, value.to_string()]));
    }

    /// Something that must never happen.
    pub fn never(&mut self, what: &str, count: usize) {
        self.holds(what, count, count == 0, "0");
    }

    /// Something without which nothing would be shown.
    pub fn some(&mut self, what: &str, count: u64) {
        self.holds(what, count, count > 0, "more than 0");
    }

    /// Something that must be no more than that.
    pub fn at_most<T: Display + PartialOrd>(&mut self, what: &str, value: T, limit: T) {
        let holds = value <= limit;
        self.holds(what, value, holds, &format!("at most {limit}"));
    }

    /// Something that must be no less than that.
    pub fn at_least<T: Display + PartialOrd>(&mut self, what: &str, value: T, limit: T) {
        let holds = value >= limit;
        self.holds(what, value, holds, &format!("at least {limit}"));
    }

    fn holds(&mut self, what: &str, value: impl Display, holds: bool, promised: &str) {
        self.counted.push(json!([what, value.to_string()]));
        if !holds {
            self.broken.push(format!("{what}: {value}, promised {promised}"));
        }
    }

    /// Writes the row to the report, if there is one, and fails if something promised does not hold.
    pub fn finish(self) {
        let line = json!({
            "row": self.id,
            "what": self.what,
            "count": self.count,
            "counted": self.counted,
            "broken": self.broken,
            "seed": self.seed,
            "seconds": self.begun.elapsed().as_secs(),
        });
        if let Some(path) = std::env::var_os("VOICECALL_SOAK_REPORT") {
            let mut report = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            // One write, because several tests append.
            report.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        assert!(self.broken.is_empty(), "{}: {:#?}\n{line}\n{}", self.id, self.broken, self.seen.join("\n"));
    }
}
