//! A server of messages over real sockets: what a carrier delivers is answered, and what is not the carrier's changes nothing.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod emulated;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use voicecall::messaging::{
    AnswerPlan, AnswerRequest, ConversationalBackend, DeliveryReport, IncomingMessage, MessageHandler, MessageState,
    MessagingAccount, MessagingConfig, Messenger,
};
use voicecall::store::MemoryStore;
use voicecall::{AccountName, ErrorKind, Result, Server, TenantId, Vault, async_trait, server};
use voicecall_core::testing::{ScriptedCarrier, ScriptedMessaging, SignedRequest};

use emulated::agent;

/// Says the same to everybody.
#[derive(Debug)]
struct Bakery(TenantId);

#[async_trait]
impl MessageHandler for Bakery {
    async fn tenant_of(&self, _account: AccountName, _message: &IncomingMessage) -> Result<Option<TenantId>> {
        Ok(Some(self.0))
    }

    async fn answer(&self, _request: &AnswerRequest) -> Result<AnswerPlan> {
        Ok(AnswerPlan::Text("From 8 to 18.".to_owned()))
    }
}

/// The status of the answer.
async fn send(server: SocketAddr, request: &SignedRequest) -> String {
    let headers = request.headers();
    let request = request.request(&headers);
    let mut head =
        format!("{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", request.method, request.path_and_query);
    for (name, value) in request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", request.body.len()));
    let mut socket = TcpStream::connect(server).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(request.body).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_server_of_messages_answers_what_carriers_deliver_until_it_is_stopped() {
    let (tenant, ours, theirs) = (TenantId::new(), "+46700000001".parse().unwrap(), "+46701740605".parse().unwrap());
    let account = MessagingAccount::new("main".parse().unwrap(), ScriptedMessaging::new(), [ours]);
    let config = MessagingConfig::new("https://bakery.example".parse().unwrap());
    let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate().unwrap()));
    let messenger = Messenger::new(config, store, vec![account.clone()], Arc::new(Bakery(tenant)), vault).unwrap();
    let mut watched = messenger.conversations(tenant).watch(None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving =
        tokio::spawn(server::serve_messages_on(Arc::clone(&messenger), listener, async { drop(stopped.await) }));

    let message = IncomingMessage::new(theirs, account.addresses[0].clone(), "When do you open?");
    let delivered = ScriptedMessaging::message_of("/messages/main/incoming", "IN1", &message);
    let elsewhere = ScriptedMessaging::message_of("/messages/nobody/incoming", "IN1", &message);
    let forged = SignedRequest { body: b"id=IN1".to_vec(), ..delivered.clone() };
    assert_eq!(send(address, &forged).await, "401");
    assert_eq!(send(address, &elsewhere).await, "404");
    for _ in 0..2 {
        assert_eq!(send(address, &delivered).await, "200");
    }
    let sent = loop {
        let message = watched.next().await.unwrap().message().clone();
        if message.state == MessageState::Sent {
            break message;
        }
    };
    assert_eq!((sent.text.as_str(), sent.number), ("From 8 to 18.", 2), "once, although it was delivered twice");

    let key = voicecall::messaging::MessageKey { account: account.name, tenant, message: sent.id };
    let read = DeliveryReport { state: MessageState::Read, error: None };
    let report = ScriptedMessaging::report_of(&format!("/messages/{key}/report"), "SM1", &read);
    assert_eq!(send(address, &report).await, "200");
    assert_eq!(messenger.conversations(tenant).message(sent.id).await.unwrap().state, MessageState::Read);
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nothing is served any more");
}

/// A server of calls beside a messenger with one number and one sender of WhatsApp.
async fn beside_calls(carrier: Arc<ScriptedMessaging>, configures: bool) -> voicecall::Result<()> {
    let (public, tenant) = ("https://bakery.example", TenantId::new());
    let addresses = ["+46700000001", "whatsapp:+46700000002"].map(|address| address.parse().unwrap());
    let mut account = MessagingAccount::new("main".parse().unwrap(), ScriptedMessaging::new(), addresses);
    account.backend = carrier;
    let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate().unwrap()));
    let config = MessagingConfig::new(public.parse().unwrap());
    let messenger = Messenger::new(config, store, vec![account], Arc::new(Bakery(tenant)), vault).unwrap();
    let builder = Server::builder().carrier(ScriptedCarrier::new()).number("+46700000009").public_url(public);
    let server = builder.agent(agent()).configure_numbers(configures).build().unwrap().messages(messenger);
    server.start("127.0.0.1:0").await?.stop().await
}

#[tokio::test]
async fn carriers_are_told_where_messages_go_together_with_calls() {
    let number = "+46700000001".parse().unwrap();
    let carrier = Arc::new(ScriptedMessaging::new());
    beside_calls(Arc::clone(&carrier), false).await.unwrap();
    assert_eq!(carrier.incoming_url(&number).await.unwrap(), None, "it was only looked");

    beside_calls(Arc::clone(&carrier), true).await.unwrap();
    let set = carrier.incoming_url(&number).await.unwrap().unwrap();
    assert_eq!(set.as_str(), "https://bakery.example/messages/main/incoming");

    carrier.does_not_own(number);
    let error = beside_calls(carrier, true).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("number")));

    let mut unable = ScriptedMessaging::new().capabilities();
    unable.number_webhooks = false;
    let unable = Arc::new(ScriptedMessaging::with_capabilities(unable));
    beside_calls(Arc::clone(&unable), false).await.unwrap();
    assert_eq!(beside_calls(unable, true).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
