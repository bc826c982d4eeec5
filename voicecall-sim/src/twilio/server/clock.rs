//! Drives the exchange on the machine's clock and carries out its orders.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use voicecall_core::CallTime;

use super::{Shared, socket, webhooks};
use crate::media_socket::{self, ToSocket};
use crate::twilio::{Order, SocketFault};

/// How long the driver sleeps when nothing is due; anything that happens wakes it.
const IDLE: Duration = Duration::from_secs(3600);

/// Wakes the exchange at each of its deadlines. These are absolute, so being late once does not make the next one
/// late, and what was missed is made up for.
///
/// Owns the tasks of all webhooks and sockets: they end with it.
pub(super) async fn drive(shared: Arc<Shared>, client: reqwest::Client) {
    let mut tasks = JoinSet::new();
    let mut sockets: HashMap<String, socket::Sender> = HashMap::new();
    let mut changed = shared.changed.subscribe();
    loop {
        changed.mark_unchanged();
        let (orders, due, moved) = turn(&shared);
        if moved {
            shared.changed.send_modify(|count| *count += 1);
            changed.mark_unchanged();
        }
        for order in orders {
            carry_out(order, &shared, &client, &mut sockets, &mut tasks);
        }
        let wake = due.map_or_else(|| Instant::now() + IDLE, |due| shared.clock.instant(due));
        tokio::select! {
            _ = changed.changed() => {}
            () = tokio::time::sleep_until(wake) => {}
            // A task that ended may have been a socket.
            Some(_) = tasks.join_next() => sockets.retain(|_, socket| !socket.is_closed()),
        }
    }
}

/// One turn of the exchange: what to do, when to come back, and whether the log grew.
fn turn(shared: &Shared) -> (Vec<Order>, Option<CallTime>, bool) {
    let now = shared.clock.now();
    let mut exchange = shared.exchange();
    let before = exchange.log().len();
    exchange.advance(now);
    let orders = std::iter::from_fn(|| exchange.pop()).collect();
    (orders, exchange.next_due(), exchange.log().len() > before)
}

fn carry_out(
    order: Order,
    shared: &Arc<Shared>,
    client: &reqwest::Client,
    sockets: &mut HashMap<String, socket::Sender>,
    tasks: &mut JoinSet<()>,
) {
    match order {
        Order::Webhook(webhook) => {
            tasks.spawn(webhooks::deliver(webhook, client.clone(), Arc::clone(shared)));
        }
        Order::OpenSocket { stream, url, signature } => {
            let (sender, receiver) = media_socket::channel();
            sockets.insert(stream.clone(), sender);
            tasks.spawn(socket::run(stream, url, signature, receiver, Arc::clone(shared)));
        }
        Order::SendText { stream, text } => {
            // A socket that is gone, or an application that has not read for seconds: the carrier drops, too.
            if let Some(socket) = sockets.get(&stream)
                && socket.try_send(ToSocket::Text(text)).is_err()
            {
                tracing::debug!("message to the application dropped");
            }
        }
        Order::CloseSocket { stream } => end(sockets.remove(&stream), ToSocket::Close),
        Order::BreakSocket { stream, fault } => end(sockets.remove(&stream), ToSocket::Break(fault)),
    }
}

/// Dropping the sender closes the socket as well, should its queue be full.
fn end(socket: Option<socket::Sender>, how: ToSocket<SocketFault>) {
    if let Some(socket) = socket {
        let _ = socket.try_send(how);
    }
}
