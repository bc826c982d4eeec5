//! The end of a connection, as those who wait for an answer notice it.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::Arc;

use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;

/// A server that greets, says nothing more until its output ends, and then takes for ever to be closed.
#[derive(Clone, Default)]
struct Stuck {
    greeted: bool,
    ends: Arc<Notify>,
}

impl Transport<RoleClient> for Stuck {
    type Error = Infallible;

    fn send(
        &mut self,
        _: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        ready(Ok(()))
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        if self.greeted {
            self.ends.notified().await;
            return None;
        }
        self.greeted = true;
        let server = json!({ "name": "stuck", "version": "1" });
        let greeting = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": server });
        Some(serde_json::from_value(json!({ "jsonrpc": "2.0", "id": 0, "result": greeting })).unwrap())
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_answer_that_cannot_come() {
    let server = Stuck::default();
    let connection = Connection::open(server.clone()).await.unwrap();
    let ask = || timeout(Duration::from_secs(60), connection.ask(|server| server.list_tools(None)));
    assert!(ask().await.is_err(), "it may still come");
    assert!(!connection.is_over());
    server.ends.notify_one();
    assert!(matches!(ask().await, Ok(Err(ServiceError::TransportClosed))));
    assert!(connection.is_over());
}

#[tokio::test(start_paused = true)]
async fn closing_has_a_limit() {
    let connection = Connection::open(Stuck::default()).await.unwrap();
    let begun = tokio::time::Instant::now();
    connection.close().await;
    assert!(connection.is_over());
    assert_eq!(begun.elapsed(), CLOSING);
}
