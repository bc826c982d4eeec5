//! Webhooks over real sockets, judged by the official library of Standard Webhooks.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;
use voicecall_core::event::EventType;
use voicecall_core::store::{MemoryStore, NewSession, SessionStore};
use voicecall_core::{TenantId, Vault};
use voicecall_workflow::{HttpClient, WebhookSecret, WorkflowConfig, Workflows};

/// A receiver that answers each request with the next of these, and hands on what it got.
async fn receiver(answers: &'static [&'static str]) -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (got, all) = mpsc::channel(16);
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let whole = loop {
                let mut part = [0; 4096];
                let read = socket.read(&mut part).await.unwrap();
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8(request.clone()).unwrap();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0_usize) {
                    break (head.to_owned(), body.to_owned());
                }
            };
            socket.write_all(answer.as_bytes()).await.unwrap();
            got.send(whole).await.unwrap();
        }
    });
    (format!("http://{address}/hooks"), all)
}

/// A service that tells this receiver of a call.
async fn told(url: &str) -> WebhookSecret {
    let (store, vault, tenant) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate().unwrap()), TenantId::new());
    let mut config = WorkflowConfig::default();
    config.client = Some(Arc::new(HttpClient::for_private_addresses().unwrap()));
    config.allows_private_addresses = true;
    config.webhook_retry = config.webhook_retry.first(Duration::from_millis(10));
    let workflows = Workflows::new(config, Arc::<MemoryStore>::clone(&store), [], Arc::clone(&vault)).unwrap();
    workflows.check().await.unwrap();
    let subscriptions = workflows.subscriptions(tenant);
    let row = subscriptions.add(url.parse().unwrap(), [EventType::CallInitiated]).await.unwrap();
    tokio::spawn(Arc::clone(&workflows).run_background(std::future::pending::<()>()));
    let to = "+46701234567".parse().unwrap();
    let call = NewSession::outbound_to(&vault, tenant, &to, jiff::Timestamp::now()).unwrap();
    store.create_session(&call).await.unwrap();
    subscriptions.secret(row.id).await.unwrap()
}

fn header(head: &str, name: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("{name} in {head}")).to_owned()
}

#[tokio::test]
async fn the_official_library_takes_our_webhooks_and_no_forged_ones() {
    let python = std::env::var("VOICECALL_PYTHON").expect("VOICECALL_PYTHON=\"$(./scripts/python-env)\" makes one");
    let (url, mut got) = receiver(&["HTTP/1.1 204 No Content\r\n\r\n"]).await;
    let secret = told(&url).await;
    let (head, body) = got.recv().await.unwrap();
    let [id, timestamp, signature] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(&head, name));
    let script = "import sys, json\nfrom standardwebhooks import Webhook\n\
        secret, id, at, signature, body = sys.argv[1:]\n\
        headers = {'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature}\n\
        print(Webhook(secret).verify(body, headers)['type'])";
    let verify = async |body: &str| {
        let mut library = Command::new(&python);
        library.args(["-c", script, secret.expose_secret(), &id, &timestamp, &signature, body]);
        library.output().await.unwrap()
    };
    let taken = verify(&body).await;
    assert_eq!(String::from_utf8_lossy(&taken.stdout).trim(), "call.initiated", "{taken:?}");
    let refused = verify(&body.replace("initiated", "completed")).await;
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("WebhookVerificationError"), "{refused:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_long_answer_not_read() {
    const REDIRECT: &str =
        "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // A length that never comes.
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nand so on";
    let (url, mut got) = receiver(&[REDIRECT, ENDLESS, REDIRECT]).await;
    told(&url).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (head, _) = got.recv().await.unwrap();
        assert!(head.starts_with("POST /hooks "), "{head}");
        ids.push(header(&head, "webhook-id"));
    }
    assert_eq!(ids[0], ids[1]);
    let third = tokio::time::timeout(Duration::from_secs(1), got.recv()).await;
    assert!(third.is_err(), "it was taken, whatever its body is");
}

#[tokio::test]
async fn a_name_for_an_address_of_ours_leads_nowhere() {
    use voicecall_workflow::WebhookClient;
    let (url, mut got) = receiver(&["HTTP/1.1 204 No Content\r\n\r\n"]).await;
    let private = HttpClient::new().unwrap();
    let mut post = posted(&url);
    assert_eq!(private.post(&post).await.unwrap_err().kind(), voicecall_core::ErrorKind::Forbidden);
    post.url.set_host(Some("localhost")).unwrap();
    private.post(&post).await.unwrap_err();
    assert!(got.try_recv().is_err(), "nothing arrived");
}

fn posted(url: &str) -> voicecall_workflow::WebhookPost {
    voicecall_workflow::WebhookPost::new(url.parse().unwrap(), "{}", Duration::from_secs(5))
}
