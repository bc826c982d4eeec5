//! The document the server serves is true: it names the routes there are, none of them is open to strangers, and a
//! property-based tester that knows nothing but the document finds no answer it does not describe.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use support::client;
use support::world::{PENDING, PENDING_PHONE, SHOP, WEBHOOK_SECRET, World, signed_token};
use tokio::process::Command;
use tokio::time::timeout;

/// Every route with its statuses of success, as the requirement and the contract of the service list them.
const ROUTES: &[(&str, &str, &[&str])] = &[
    ("get", "/calls", &["200"]),
    ("get", "/calls/live", &["200"]),
    ("get", "/calls/{sessionId}", &["200"]),
    ("get", "/calls/{sessionId}/recording", &["200", "206"]),
    ("post", "/calls/{sessionId}/cancel", &["200"]),
    ("post", "/calls/{sessionId}/complete", &["200"]),
    ("get", "/analytics", &["200"]),
    ("get", "/analytics.csv", &["200"]),
    ("get", "/service", &["200"]),
    ("post", "/customers/export", &["200"]),
    ("post", "/customers/erase", &["200"]),
    ("post", "/customers/forbid-calls", &["200"]),
    ("post", "/customers/allow-calls", &["200"]),
    ("post", "/calls/initiate", &["201"]),
    ("get", "/calls/{sessionId}/status", &["200"]),
    ("get", "/calls/{sessionId}/events", &["200"]),
    ("post", "/calls/logs", &["201"]),
    ("post", "/calls/webhooks/telephony", &["200"]),
    ("post", "/calls/webhooks/ai", &["200"]),
    ("get", "/questions/select", &["200"]),
    ("post", "/questions/select", &["200"]),
    ("get", "/questions/selections", &["200"]),
    ("get", "/questions/configurations", &["200"]),
    ("post", "/questions/configurations", &["201"]),
    ("put", "/questions/configurations/{questionId}", &["200"]),
    ("delete", "/questions/configurations/{questionId}", &["204"]),
    ("get", "/businesses", &["200"]),
    ("get", "/businesses/{businessId}", &["200"]),
    ("patch", "/businesses/{businessId}", &["200"]),
    ("put", "/businesses/{businessId}", &["200"]),
    ("post", "/calls/search", &["200"]),
    ("get", "/verifications", &["200"]),
    ("post", "/verifications", &["201"]),
    ("get", "/verifications/{verificationId}", &["200"]),
    ("patch", "/verifications/{verificationId}", &["200"]),
];

/// The tester's time; it takes about half of it on a quiet machine.
const LONGEST: Duration = Duration::from_secs(400);

async fn document(world: &World, base: &str) -> Value {
    let response = client().get(world.url(&format!("{base}/openapi.json"))).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    support::json(response, 200).await
}

/// Every operation of a document: method, path, description.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
        .collect()
}

#[tokio::test]
async fn the_document_names_every_route_and_what_it_answers() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let document = document(&world, "/api").await;
    assert_eq!(document, self::document(&world, "/v1").await);

    let documented: BTreeMap<_, BTreeSet<_>> = operations(&document)
        .into_iter()
        .map(|(method, path, operation)| {
            let statuses = operation["responses"].as_object().unwrap().keys().map(String::as_str);
            ((method, path), statuses.filter(|status| status.starts_with('2')).collect())
        })
        .collect();
    let required: BTreeMap<_, BTreeSet<_>> =
        ROUTES.iter().map(|(method, path, statuses)| ((*method, *path), statuses.iter().copied().collect())).collect();
    assert_eq!(documented, required);

    for (method, path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("401"), "{method} {path}");
        for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Error", "{method} {path} {status}");
            let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{method} {path} {status}");
        }
        if let Some(content) = operation["requestBody"]["content"].get("application/json") {
            let name = content["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let schema = &document["components"]["schemas"][name];
            assert_eq!(schema["additionalProperties"], false, "{name} takes unknown fields");
        }
    }
}

/// Runs a program in a folder to its end and returns what it printed.
async fn printed(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1").output();
    let output = output.await.expect("scripts/node-env and scripts/python-env have been run");
    let said = String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The document is one, and generators of two languages make clients from it that compile and work.
#[tokio::test]
async fn clients_can_be_made_from_the_document() {
    let world = World::start("busy").await;
    let _server = world.serve().await;
    let session = world.initiate().await;
    let document = document(&world, "/api").await;
    let folder = world.folder.path().join("clients");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("openapi.json"), document.to_string()).unwrap();
    printed(python().with_file_name("openapi-spec-validator"), &["openapi.json"], &folder).await;
    assert_names_are_good(&document);

    for file in ["client.ts", "tsconfig.json", "client.py", "python.yml"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(file);
        std::fs::copy(from, folder.join(file)).unwrap();
    }
    let (url, token) = (world.url(""), world.token(SHOP).await);
    let arguments = [&*url, &*token, SHOP];
    let generate =
        "generate --path openapi.json --meta none --output-path feedback_client --config python.yml --fail-on-warning";
    let generator = python().with_file_name("openapi-python-client");
    printed(generator, &generate.split(' ').collect::<Vec<_>>(), &folder).await;
    let said = printed(python(), &[&["client.py"], &arguments[..]].concat(), &folder).await;
    assert!(said.starts_with(&session) && said.ends_with(" 1\n"), "{said}");

    std::os::unix::fs::symlink(node_modules(), folder.join("node_modules")).unwrap();
    std::fs::write(folder.join("package.json"), r#"{ "type": "module" }"#).unwrap();
    let tool = |name: &str| folder.join("node_modules/.bin").join(name);
    printed(tool("openapi-typescript"), &["openapi.json", "-o", "schema.d.ts"], &folder).await;
    printed(tool("tsc"), &[], &folder).await;
    let said = printed("node", &[&["client.js"], &arguments[..]].concat(), &folder).await;
    assert!(said.starts_with(&session) && said.ends_with(" 1\n"), "{said}");
}

/// What names of functions and types are made of, and every answer is explained.
fn assert_names_are_good(document: &Value) {
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(document) {
        let name = operation["operationId"].as_str().unwrap();
        let words = name.chars().filter(char::is_ascii_uppercase).count();
        let is_good = name.bytes().all(|byte| byte.is_ascii_alphabetic()) && name.starts_with(char::is_lowercase);
        assert!(is_good && words >= 1 && names.insert(name), "{method} {path}: {name}");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            assert_ne!(answer["description"].as_str().unwrap(), "", "{method} {path} {status}");
        }
    }
    assert!(names.contains("listCalls"));
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name} is the name of a type");
    }
}

/// The packages that `scripts/node-env` has installed.
fn node_modules() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "../target".into(), PathBuf::from);
    Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("node/node_modules")
}

#[tokio::test]
async fn the_document_says_the_bounds_of_the_contract() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let document = document(&world, "/api").await;
    let at = |pointer: &str| document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
    let property = |schema: &str, name: &str| at(&format!("/components/schemas/{schema}/properties/{name}")).clone();

    assert_eq!(property("Order", "customerPhone")["$ref"], "#/components/schemas/SwedishPhone");
    assert_eq!(at("/components/schemas/SwedishPhone/pattern"), r"^\+46[0-9]{7,9}$");
    assert_eq!(property("Order", "verificationId")["format"], "uuid");
    assert_eq!(at("/components/schemas/CallPriority/enum").as_array().unwrap().len(), 2);
    let mut required = at("/components/schemas/Order/required").as_array().unwrap().clone();
    required.sort_by_key(ToString::to_string);
    assert_eq!(required, ["businessId", "customerPhone", "verificationId"]);
    assert_eq!(property("QuestionInput", "questionText")["$ref"], "#/components/schemas/Text10To500");
    let text = at("/components/schemas/Text10To500");
    assert_eq!((&text["minLength"], &text["maxLength"]), (&json!(10), &json!(500)));
    assert_eq!(property("QuestionInput", "frequency")["$ref"], "#/components/schemas/Whole1To100");
    let frequency = at("/components/schemas/Whole1To100");
    assert_eq!((&frequency["minimum"], &frequency["maximum"]), (&json!(1), &json!(100)));
    assert_eq!(at("/components/schemas/Priority/enum"), &json!(["high", "medium", "low"]));
    assert_eq!(
        at("/components/schemas/SessionStatus/enum"),
        &json!(["initiated", "connecting", "in_progress", "completed", "timeout", "failed"])
    );
    let parameters = at("/paths/~1calls~1{sessionId}~1events/get/parameters").as_array().unwrap();
    let limit = parameters.iter().find(|parameter| parameter["name"] == "limit").unwrap();
    assert_eq!((&limit["schema"]["minimum"], &limit["schema"]["maximum"]), (&json!(1), &json!(100)));
    assert_eq!(limit["required"], false);
    let session = at("/components/schemas/Session");
    let always: BTreeSet<_> =
        session["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for name in ["id", "businessId", "status", "startedAt", "durationSeconds", "questionsAsked", "costEstimate"] {
        assert!(always.contains(name), "{name}");
    }
    for name in ["connectedAt", "endedAt", "recordingUrl"] {
        assert!(!always.contains(name) && session["properties"].get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn no_route_is_open_to_strangers() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let document = document(&world, "/api").await;
    let expired = format!("Bearer {}", signed_token(&[SHOP], -60));

    for base in ["/api", "/v1"] {
        for (method, path, operation) in operations(&document) {
            assert_eq!(operation["security"].as_array().unwrap().len(), 1, "{method} {path}");
            let mut filled = format!("{base}{path}");
            while let (Some(from), Some(until)) = (filled.find('{'), filled.find('}')) {
                filled.replace_range(from..=until, PENDING);
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            for authorization in [None, Some("Bearer x"), Some("Basic eA=="), Some(&*expired)] {
                let mut request = client().request(method.clone(), world.url(&filled));
                if let Some(authorization) = authorization {
                    request = request.header("authorization", authorization);
                }
                let response = request.json(&json!({})).send().await.unwrap();
                assert_eq!(response.status(), 401, "{method} {filled} {authorization:?}");
                let error = support::json(response, 401).await;
                assert_eq!(error["code"], "unauthenticated");
            }
        }
    }
}

/// The interpreter of the environment that `scripts/python-env` makes.
fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("VOICECALL_PYTHON") {
        return python.into();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/python-env");
    let output = std::process::Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

#[tokio::test]
async fn a_tester_that_knows_only_the_document_finds_no_surprise() {
    let mut world = World::start("busy").await;
    // It asks as fast as it can; the limits have a test of their own.
    for name in ["RATE_PER_TOKEN", "RATE_BURST", "RATE_CALLS_PER_BUSINESS"] {
        world.set(name, "1000000");
    }
    let mut server = world.serve().await;
    let session = world.initiate().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

    let tester = Command::new(python().with_file_name("schemathesis"))
        .args(["--config-file", &format!("{folder}/contract.toml")])
        .args(["run", &world.url("/api/openapi.json"), "--no-color"])
        .current_dir(world.folder.path())
        .env("PYTHONPATH", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "contract")
        .env("CONTRACT_TOKEN", signed_token(&[SHOP], 600))
        .env("CONTRACT_SECRET", WEBHOOK_SECRET)
        .env("CONTRACT_BUSINESS", SHOP)
        .env("CONTRACT_SESSION", session)
        .env("CONTRACT_VERIFICATION", PENDING)
        .env("CONTRACT_PHONE", PENDING_PHONE)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(LONGEST, tester).await.expect("the tester is done in time").unwrap();

    let report = String::from_utf8_lossy(&output.stdout);
    server.must_live();
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    let numbers = ["Operations", "Test cases"];
    assert!(numbers.iter().any(|name| report.contains(name)), "it did test something: {report}");
    let phases = ["✅  Coverage", "✅  Fuzzing", "✅  Stateful"];
    assert!(phases.iter().all(|phase| report.contains(phase)), "each phase has tested something: {report}");
    let sessions = world.column("SELECT id FROM sessions");
    assert!(sessions.len() > 1, "it had a customer called: {report}");
}
