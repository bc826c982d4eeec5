//! One run of the reference server's program.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::until;

/// A started program, killed when this value is dropped.
pub struct Process {
    child: Child,
    /// Kept open: the simulator ends when it closes.
    _input: ChildStdin,
    output: PathBuf,
    log: PathBuf,
}

impl Process {
    /// Starts the program in `folder` with nothing but `env` in its environment, so that no key of the developer's own
    /// is ever used.
    pub fn start(folder: &Path, arguments: &[&str], env: &[(&str, String)]) -> Self {
        let name = format!("{}-{}", arguments[0], voicecall::RecordId::new());
        let (output, log) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.log")));
        let mut child = Command::new(program())
            .args(arguments)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(File::create(&output).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        Self { child, _input: input, output, log }
    }

    /// What it has written to standard output.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap()
    }

    /// What it has written to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The most memory it has had, in bytes.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Waits until it has ended by itself.
    pub async fn exit(&mut self, within: Duration) -> ExitStatus {
        until("the end of the process", within, async || self.child.try_wait().unwrap()).await
    }

    /// SIGTERM: the wish that it ends.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// SIGKILL: it does nothing any more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Fails, with what it logged, if it has ended.
    pub fn must_live(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("the process ended with {status}:\n{}", self.log());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example's program: `examples/` beside the `deps/` this test is in. A run of all tests builds it; one of a
/// single test does not, so it is made sure that it is not an old one.
fn program() -> PathBuf {
    const BUILD: &str = "build it with `cargo test --workspace --all-features --no-run`";
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    let program = folder.join(format!("feedback_server{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is missing: {BUILD}", program.display());
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    // Cargo leaves the list of what it was built from beside it.
    let sources = std::fs::read_to_string(folder.join("feedback_server.d")).unwrap();
    for source in sources.split_whitespace().map(Path::new) {
        assert!(changed(source) <= changed(&program), "the program is older than {}: {BUILD}", source.display());
    }
    program
}
