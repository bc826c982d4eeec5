//! Accounts from TOML: what is read, and how what is wrong is named.

use std::sync::{Arc, Mutex};

use crate::settings::Source;
use crate::{CarrierAccount, Registry};
use secrecy::ExposeSecret as _;
use url::Url;
use voicecall_core::carrier::{ConverseSettings, InterruptedBy};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_core::{Error, ErrorKind, Result};

/// Two accounts, the second with everything from the environment.
const GOOD: &str = r#"
[[account]]
name = "main"
carrier = "scripted"
numbers = ["+46700000001", "+46700000002"]
calls_per_second = 2
token = "hunter2"

[account.prices]
"+" = { per_minute = 90_000 }
"+46" = { per_minute = 14_000, per_call = 1 }

[[account]]
name = { env = "SECOND_NAME" }
carrier = "scripted"
numbers = { env = "SECOND_NUMBERS" }
calls_per_second = 0.5
token = { env = "SECOND_TOKEN" }
"#;

/// What a factory has read.
type Tokens = Arc<Mutex<Vec<String>>>;

fn read_with(text: &str, tokens: &Tokens) -> Result<Registry> {
    let tokens = Arc::clone(tokens);
    let registry = Registry::new().register("scripted", move |settings| {
        let token = settings.secret("token")?.ok_or_else(|| settings.wrong("token", "is not set"))?;
        assert!(!format!("{settings:?} {token:?}").contains("hunter2"));
        assert_eq!(settings.public_url().as_str(), "https://calls.example/");
        tokens.lock().unwrap().push(token.expose_secret().to_owned());
        Ok(Arc::new(ScriptedCarrier::new()))
    });
    let registry = registry.register("another", |_| Ok(Arc::new(ScriptedCarrier::new())));
    let variable = |name: &str| match name {
        "SECOND_NAME" => Some("second".to_owned()),
        "SECOND_NUMBERS" => Some("+46711111111, +46722222222".to_owned()),
        "SECOND_TOKEN" => Some("from the environment".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    let public_url: Url = "https://calls.example".parse().unwrap();
    registry.read(&Source { text, file: None, public_url: &public_url, variable: &variable })
}

fn wrong(text: &str) -> (String, String) {
    let error: Error = read_with(text, &Tokens::default()).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let printed = format!("{error:?} {error}");
    assert!(!printed.contains("hunter2"), "{printed}");
    (error.field().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

#[test]
fn accounts_are_read_in_order_with_what_their_carrier_needs() {
    let tokens = Tokens::default();
    let registry = read_with(GOOD, &tokens).unwrap();
    let names: Vec<_> = registry.accounts().iter().map(|account| account.name().to_string()).collect();
    assert_eq!(names, ["main", "second"]);
    assert_eq!(*tokens.lock().unwrap(), ["hunter2", "from the environment"]);
    let numbers = |account: &CarrierAccount| {
        account.numbers().iter().map(|number| number.reveal().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&registry.accounts()[0]), ["+46700000001", "+46700000002"]);
    assert_eq!(numbers(&registry.accounts()[1]), ["+46711111111", "+46722222222"]);
    let to = |account: usize, number: &str| {
        registry.accounts()[account].price_to(&number.parse().unwrap()).map(|price| price.per_minute.micros())
    };
    assert_eq!(
        (to(0, "+46701740605"), to(0, "+4712345678"), to(1, "+46701740605")),
        (Some(14_000), Some(90_000), None)
    );
    let rates: Vec<_> = registry.accounts().iter().map(|account| format!("{account:?}")).collect();
    assert!(rates[0].contains("calls_per_second: 2.0") && rates[1].contains("calls_per_second: 0.5"));
}

#[test]
fn whatever_is_wrong_is_named_by_its_key_and_line() {
    let change = |from: &str, to: &str| {
        assert!(GOOD.contains(from));
        wrong(&GOOD.replacen(from, to, 1))
    };
    for (from, to, key, message) in [
        (
            "\"scripted\"",
            "\"scriptted\"",
            "account[0].carrier",
            "no carrier `scriptted`; there are: another, scripted (line 4)",
        ),
        ("carrier = \"scripted\"\n", "", "account[0].carrier", "is not set (line 2)"),
        ("name = \"main\"", "name = \"Main\"", "account[0].name", "1 to 40 characters out of a-z 0-9 - (line 3)"),
        ("name = \"main\"", "name = \"second\"", "account[1].name", "only one account called second (line 14)"),
        ("+46700000002", "0700", "account[0].numbers[1]", "a number in E.164 form (line 5)"),
        ("= 2\n", "= 0\n", "account[0].calls_per_second", "0.001 to 10,000 (line 6)"),
        ("= 2\n", "= \"2\"\n", "account[0].calls_per_second", "a number (line 6)"),
        ("= 2\n", "= nan\n", "account[0].calls_per_second", "0.001 to 10,000 (line 6)"),
        ("token = \"hunter2\"", "", "account[0].token", "is not set (line 2)"),
        ("token = \"hunter2\"", "token = 17", "account[0].token", "a text, or { env = \"NAME\" } (line 7)"),
        (
            "token =",
            "tokn = \"hunter2\"\ntoken =",
            "account[0].tokn",
            "no such key; there are: calls_per_second, carrier, converse, name, numbers, prices, shared_numbers, token (line 7)",
        ),
        (
            "SECOND_TOKEN",
            "THIRD_TOKEN",
            "account[1].token",
            "the environment variable THIRD_TOKEN is not set (line 18)",
        ),
        ("SECOND_TOKEN", "EMPTY", "account[1].token", "the environment variable EMPTY is not set (line 18)"),
        (
            "\"+46\" =",
            "\"46\" =",
            "account[0].prices.\"46\"",
            "the beginning of a number in E.164 form, such as +46 (line 9)",
        ),
        ("14_000", "-1", "account[0].prices.\"+46\".per_minute", "not negative (line 9)"),
        (
            "per_call",
            "percall",
            "account[0].prices",
            "unknown field `percall`, expected one of `per_call`, `per_minute`, \
            `stream_per_minute`, `recording_per_minute`, `machine_detection` (line 11)",
        ),
        ("[[account]]\nname = {", "[[acount]]\nname = {", "acount", "no such key; there is: account (line 13)"),
    ] {
        assert_eq!(change(from, to), (key.to_owned(), message.to_owned()));
    }
    let prices = change("{ per_minute = 90_000 }", "\"hunter2\"");
    assert_eq!(prices, ("account[0].prices".into(), "expected struct CarrierPrice (line 10)".into()), "no value");
    assert_eq!(wrong(""), ("account".to_owned(), "at least one [[account]] (line 1)".to_owned()));
    assert_eq!(wrong("account = 1").1, "a list: [[account]] (line 1)");
    let (key, message) = wrong("[[account]]\ntoken = \"hunter2\n");
    assert_eq!(key, "toml");
    assert!(message.ends_with("(line 2)"), "{message}");
}

#[test]
fn an_account_may_converse_in_text_as_its_table_says() {
    let text = GOOD.replace(
        "[account.prices]",
        "[account.converse]\nlanguage = \"sv-SE\"\nspeech_provider = \"Google\"\nvoice = \"sv-SE-Wavenet-A\"\n\
         hints = [\"Vera\"]\ninterrupted_by = \"speech\"\n\n[account.prices]",
    );
    let registry = read_with(&text, &Tokens::default()).unwrap();
    let how = ConverseSettings::new("sv-SE").with_voice("Google", "sv-SE-Wavenet-A").with_hint("Vera");
    let how = how.with_interrupted_by(InterruptedBy::Speech);
    let converses: Vec<_> = registry.accounts().iter().map(CarrierAccount::converses).collect();
    assert_eq!(converses, [Some(&how), None]);
    for (from, to, message) in [
        ("language = \"sv-SE\"\n", "", "missing field `language` (line 9)"),
        ("hints", "hint", "unknown field `hint`, expected one of"),
        ("\"speech\"", "\"hunter2\"", "expected one of `nothing`, `keys`, `speech`, `anything` (line 14)"),
        ("\"Google\"", "17", "expected a string (line 11)"),
    ] {
        let (key, told) = wrong(&text.replacen(from, to, 1));
        assert!(key == "account[0].converse" && told.starts_with(message), "{key}: {told}");
    }
}

#[test]
fn a_file_is_named_with_its_line() {
    let public_url = "https://calls.example".parse().unwrap();
    let folder = std::env::temp_dir().join(voicecall_core::RecordId::new().to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("accounts.toml");
    let error = Registry::new().with_file(&file, &public_url).unwrap_err();
    assert!(error.field().unwrap().ends_with("accounts.toml"), "{error}");
    std::fs::write(&file, "[[account]]\nname = \"main\"\ncarrier = \"none\"\n").unwrap();
    let error = Registry::new().with_file(&file, &public_url).unwrap_err();
    assert!(error.to_string().ends_with("accounts.toml:3)"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}
