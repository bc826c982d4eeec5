//! A transport whose end is known at once, and which lets no notifications through.

use std::future::Future;

use rmcp::RoleClient;
use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio_util::sync::CancellationToken;
use tracing::trace;

/// Notifications are dropped here because none is needed: tools are listed anew each time, and what a server logs or
/// reports of its progress may repeat a caller's words, which belong in no log.
pub(crate) struct Watched<T> {
    transport: T,
    over: CancellationToken,
}

impl<T> Watched<T> {
    /// Watches a transport; `over` is cancelled when the other side has nothing more to say.
    pub(crate) fn new(transport: T, over: CancellationToken) -> Self {
        Self { transport, over }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Watched<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.transport.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            match self.transport.receive().await {
                Some(JsonRpcMessage::Notification(_)) => trace!("a tool server's notification is not needed"),
                Some(message) => return Some(message),
                None => {
                    self.over.cancel();
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.transport.close().await
    }
}
