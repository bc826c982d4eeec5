//! The conversation on the terminal, as it is heard.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use voicecall::CallTime;
use voicecall::engine::{CallEngine, LiveEventKind};

/// Prints what happens in calls until the first one has ended.
pub(crate) fn start(engine: &Arc<CallEngine>) -> JoinHandle<()> {
    let mut events = engine.subscribe();
    tokio::spawn(async move {
        let mut at = CallTime::ZERO;
        loop {
            let event = match events.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            at = at.max(event.at);
            match event.kind {
                LiveEventKind::Connected => println!("{at:>10}  -- the customer answered"),
                LiveEventKind::AgentSaid { heard, unheard } if unheard.is_empty() => {
                    println!("{at:>10}  agent   {heard}");
                }
                LiveEventKind::AgentSaid { heard, unheard } => {
                    println!("{at:>10}  agent   {heard} [not heard: {unheard}]")
                }
                LiveEventKind::CallerSaid { text: Some(text) } => println!("{at:>10}  caller  {text}"),
                LiveEventKind::CallerSaid { text: None } => println!("{at:>10}  caller  (not understood)"),
                LiveEventKind::ConsentGiven => println!("{at:>10}  -- consent given, recording kept from the start"),
                LiveEventKind::Ended { reason, .. } => {
                    println!("{at:>10}  -- ended: {reason}");
                    return;
                }
                _ => {}
            }
        }
    })
}
