//! The program, run.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// A run of `voicecall-sim call` about to happen.
pub(crate) struct Run(Command);

/// What a run left.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) json: Value,
    junit: String,
}

/// What stands in a JUnit report: names of test cases, and type and description of failures.
#[derive(Debug)]
pub(crate) struct Junit {
    pub(crate) cases: Vec<String>,
    pub(crate) failures: Vec<(String, String)>,
}

impl Run {
    pub(crate) fn of(url: &str, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_voicecall-sim"));
        command.arg("call").arg(url).args(args);
        Self(command)
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.variable("TWILIO_AUTH_TOKEN", token)
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn run(mut self) -> Done {
        let (json, junit) = (new_file("report.json"), new_file("report.xml"));
        let output = self.0.arg("--json").arg(&json).arg("--junit").arg(&junit).output().unwrap();
        let (code, stdout, stderr) = read(output);
        let text = |file| std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        Done { code, json: serde_json::from_str(&text(json)).unwrap(), junit: text(junit), stdout }
    }

    /// The exit code and the error of a run that comes to nothing.
    pub(crate) fn refused(mut self) -> (i32, String) {
        let (code, _, stderr) = read(self.0.output().unwrap());
        (code, stderr)
    }
}

impl Done {
    pub(crate) fn calls(&self) -> &[Value] {
        self.json["calls"].as_array().unwrap()
    }

    /// The kinds of a call's failures.
    pub(crate) fn kinds(&self, call: usize) -> Vec<&str> {
        let failures = self.calls()[call]["failures"].as_array().unwrap();
        failures.iter().map(|failure| failure["kind"].as_str().unwrap()).collect()
    }

    pub(crate) fn junit(&self) -> Junit {
        let document = roxmltree::Document::parse(&self.junit).unwrap();
        let named = |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name));
        let failure = |node: roxmltree::Node<'_, '_>| {
            (node.attribute("type").unwrap().to_owned(), node.text().unwrap_or_default().to_owned())
        };
        let suite = named("testsuite").next().unwrap();
        let cases = named("testcase").map(|node| node.attribute("name").unwrap().to_owned()).collect::<Vec<_>>();
        let failures = named("failure").map(failure).collect::<Vec<_>>();
        assert_eq!(suite.attribute("tests").unwrap(), cases.len().to_string());
        assert_eq!(suite.attribute("failures").unwrap(), failures.len().to_string());
        Junit { cases, failures }
    }
}

/// A file with this text, which this run of the tests alone knows.
pub(crate) fn file(name: &str, text: &str) -> String {
    let file = new_file(name);
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn new_file(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("media_streams");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{}-{number}-{name}", std::process::id()))
}

fn read(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}
