//! A connection in a task of its own: commands go in, what comes of them goes out, and its end is told.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::Instrument;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    RealtimeCommand, RealtimeConnection, RealtimeEvent, RealtimeEvents, RealtimeModel, RealtimeOptions, RealtimeSender,
    ServiceHealth,
};

/// Commands that wait to be sent: ten seconds of audio, and more. A connection that takes none for so long is lost.
const COMMANDS: usize = 1024;

/// Events that wait to be taken.
const EVENTS: usize = 64;

/// What happens to a connection.
#[derive(Debug)]
pub(super) enum News {
    /// It stands.
    Connected,
    Event(RealtimeEvent),
    /// It is over, or could not be made.
    Lost(Error),
}

/// A connection that is being made or stands. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Link {
    commands: mpsc::Sender<RealtimeCommand>,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
}

impl Link {
    /// Connects after a wait.
    pub(super) fn open(
        model: Arc<dyn RealtimeModel>,
        options: RealtimeOptions,
        health: ServiceHealth,
        wait: Duration,
    ) -> Self {
        let (commands, waiting) = mpsc::channel(COMMANDS);
        let (sender, news) = mpsc::channel(EVENTS);
        let work = async move {
            sleep(wait).await;
            let end = run(&*model, &options, &health, waiting, &sender).await;
            let error = end.err().unwrap_or_else(|| Error::new(ErrorKind::Closed, "realtime"));
            // Without a receiver the call is over.
            let _ = sender.send(News::Lost(error)).await;
        };
        Self { commands, news, task: tokio::spawn(work.in_current_span()) }
    }

    /// Hands a command over. Returns whether there was room.
    pub(super) fn send(&self, command: RealtimeCommand) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// Waits for what happens next. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> News {
        let ended = || News::Lost(Error::new(ErrorKind::Internal, "realtime").with_message("its task ended"));
        self.news.recv().await.unwrap_or_else(ended)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    model: &dyn RealtimeModel,
    options: &RealtimeOptions,
    health: &ServiceHealth,
    commands: mpsc::Receiver<RealtimeCommand>,
    news: &mpsc::Sender<News>,
) -> Result<()> {
    let connected = health.watch(model.connect(options)).await?;
    let RealtimeConnection { sender, events } = connected;
    let _ = news.send(News::Connected).await;
    // Whichever ends first ends the connection.
    tokio::select! {
        sent = write(sender, commands) => sent,
        received = read(events, news) => received,
    }
}

async fn write(mut sender: Box<dyn RealtimeSender>, mut commands: mpsc::Receiver<RealtimeCommand>) -> Result<()> {
    while let Some(command) = commands.recv().await {
        sender.send(command).await?;
    }
    Ok(())
}

async fn read(RealtimeEvents(mut events): RealtimeEvents, news: &mpsc::Sender<News>) -> Result<()> {
    while let Some(event) = events.next().await.transpose()? {
        if news.send(News::Event(event)).await.is_err() {
            break;
        }
    }
    Ok(())
}
