//! What somebody meets who starts the program for the first time: its help, its configuration, and what it says is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use support::Folder;
use support::process::Process;

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(30);

const BUSINESS: &str = "0192f0c0-0000-7000-8000-000000000001";

/// Runs the program to its end: exit code, standard output, standard error.
async fn run(folder: &Folder, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let mut process = Process::start(folder.path(), arguments, &environment);
    let code = process.exit(SOON).await.code().unwrap();
    (code, process.output(), process.log())
}

#[tokio::test]
async fn help_and_version_are_answers_and_the_rest_is_refused() {
    let folder = Folder::new();
    for (arguments, said) in
        [(&["--help"][..], "Usage: feedback_server <COMMAND>"), (&["-h"], "demo "), (&["token", "--help"], "--scope")]
    {
        let (code, output, _) = run(&folder, arguments, &[]).await;
        assert!(code == 0 && output.contains(said), "{arguments:?}: {output}");
    }
    let (code, output, _) = run(&folder, &["--version"], &[]).await;
    assert_eq!((code, &*output), (0, concat!("feedback_server ", env!("CARGO_PKG_VERSION"), "\n")));
    for wrong in [&["serve", "--simulate"][..], &["dance"], &["token", "x"], &["replay"]] {
        let (code, output, log) = run(&folder, wrong, &[]).await;
        assert!(code == 2 && output.is_empty() && log.starts_with("error: "), "{wrong:?}: {log}");
    }
}

#[tokio::test]
async fn the_file_env_adds_to_the_environment_and_its_wrong_line_is_named() {
    let folder = Folder::new();
    let file = folder.path().join(".env");
    let token = ["token", BUSINESS];
    let (code, _, log) = run(&folder, &token, &[]).await;
    assert_eq!((code, &*log), (1, "JWT_SECRET: is not set\n"));

    std::fs::write(&file, "# A comment.\nRUST_LOG=info\nJWT_SECRET='a made-up secret of sufficient length'\n").unwrap();
    let (code, output, log) = run(&folder, &token, &[]).await;
    assert!(code == 0 && output.split('.').count() == 3, "{log}");
    let (code, _, log) = run(&folder, &token, &[("JWT_SECRET", "weak")]).await;
    assert!(code == 1 && log.starts_with("JWT_SECRET: at least 32"), "what is set already wins: {log}");

    std::fs::write(&file, "RUST_LOG=info\n\nJWT_SECRET=a made-up secret of sufficient length\n").unwrap();
    let (code, _, log) = run(&folder, &token, &[]).await;
    assert!(code == 1 && log.starts_with(".env: line 3 "), "{log}");
    assert!(!log.contains("made-up"), "no secret is repeated: {log}");
}

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once_with_what_it_is_for() {
    let folder = Folder::new();
    let (code, _, log) = run(&folder, &["serve"], &[]).await;
    let lines: Vec<_> = log.lines().collect();
    assert!(code == 1 && lines[0].contains(".env.example"), "{log}");
    for name in [
        "PUBLIC_URL",
        "DATA_KEYS",
        "INDEX_KEY",
        "JWT_SECRET",
        "ELKS_API_USERNAME",
        "ELKS_API_PASSWORD",
        "ELKS_NUMBER",
        "ELKS_WEBSOCKET_NUMBER",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_NUMBER",
        "OPENAI_API_KEY",
    ] {
        let of_it: Vec<_> =
            lines.iter().filter(|line| line.starts_with(&format!("  {name}: ")) && line.contains("; ")).collect();
        assert_eq!(of_it.len(), 1, "{name}: {log}");
    }
    assert_eq!(lines.len(), 13, "and nothing else: {log}");
}

#[tokio::test]
async fn a_log_or_an_address_that_cannot_be_is_told_by_its_variable() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (variable, value, said) in [
        ("RUST_LOG", "inof", "RUST_LOG: levels such as info or voicecall_core=debug; inof is none, "),
        ("RUST_LOG", "voicecall=loud", "RUST_LOG: levels such as info or voicecall_core=debug; voicecall=loud: "),
        ("LISTEN", &*address, &*format!("LISTEN: an address to listen on; {address}: Address already in use")),
        ("LISTEN", "nowhere", "LISTEN: an address to listen on; nowhere: "),
        ("CARRIERS", "pigeon", "CARRIERS: 46elks, twilio or both, "),
    ] {
        let (code, _, log) =
            run(&folder, &["serve", "--simulated"], &[("LISTEN", "127.0.0.1:0"), (variable, value)]).await;
        assert!(code == 1 && log.lines().any(|line| line.starts_with(said)), "{value}: {log}");
    }
}
