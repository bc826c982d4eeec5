//! What is done without being asked: answering, sending, and settling what nobody knows.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::warn;
use voicecall_core::{MessageId, SessionId};

use crate::Messenger;
use crate::answer::Spoken;
use crate::outbox::SETTLE_AFTER;

/// How often it is looked for what other processes took in, and for what has become due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked for messages whose outcome nobody knows.
const SETTLE_EVERY: Duration = Duration::from_secs(15);

/// Something under way that has come to its end.
#[derive(Debug)]
enum Finished {
    Answer(SessionId, Spoken),
    Send(MessageId),
    Settle,
    Summary,
}

/// Everything under way. Nothing is begun twice here; other processes are kept off by the store.
#[derive(Debug, Default)]
struct Work {
    tasks: JoinSet<Finished>,
    answers: HashSet<SessionId>,
    sends: HashSet<MessageId>,
    settles: bool,
}

impl Messenger {
    /// Answers and sends until `stop` comes to its end; then finishes what is under way, which takes no longer than one
    /// answer may. What is left waits in the store.
    pub async fn run_background(self: &Arc<Self>, stop: impl Future<Output = ()> + Send) {
        let mut work = Work::default();
        let mut settle_at = Instant::now();
        tokio::pin!(stop);
        loop {
            self.begin_answers(&mut work).await;
            self.begin_sends(&mut work).await;
            if settle_at <= Instant::now() && !work.settles {
                settle_at = Instant::now() + SETTLE_EVERY;
                work.settles = true;
                let messenger = Arc::clone(self);
                work.tasks.spawn(async move {
                    messenger.settle_all().await;
                    Finished::Settle
                });
            }
            let again = Instant::now() + LOOK_EVERY;
            tokio::select! {
                () = &mut stop => break,
                () = self.to_answer.notified() => {}
                () = self.to_send.notified() => {}
                Some(done) = work.tasks.join_next() => {
                    if let Some((conversation, model)) = work.finish(done.ok()) {
                        let messenger = Arc::clone(self);
                        // Apart from the answer: the person may be writing again.
                        work.tasks.spawn(async move {
                            messenger.sum_up(&conversation, &model).await;
                            Finished::Summary
                        });
                    }
                }
                () = sleep_until(again) => {}
            }
        }
        while let Some(done) = work.tasks.join_next().await {
            // What is to be summed up is so after the next answer, by whoever gives it.
            let _ = work.finish(done.ok());
        }
        // What was answered on the way out is sent, too.
        self.begin_sends(&mut work).await;
        while work.tasks.join_next().await.is_some() {}
    }

    async fn begin_answers(self: &Arc<Self>, work: &mut Work) {
        let room = self.config.at_once.saturating_sub(work.answers.len());
        let limit = u32::try_from(self.config.at_once).unwrap_or(u32::MAX);
        if room == 0 {
            return;
        }
        match self.store.sessions_to_answer(self.now(), limit.div_ceil(2), limit).await {
            Ok(found) => {
                let fresh = found.into_iter().filter(|session| !work.answers.contains(&session.id));
                for session in fresh.take(room).collect::<Vec<_>>() {
                    let messenger = Arc::clone(self);
                    work.answers.insert(session.id);
                    work.tasks.spawn(async move {
                        let id = session.id;
                        Finished::Answer(id, messenger.answer_session(session).await)
                    });
                }
            }
            Err(error) => warn!(%error, "waiting messages could not be found"),
        }
    }

    async fn begin_sends(self: &Arc<Self>, work: &mut Work) {
        let room = self.config.at_once.saturating_sub(work.sends.len());
        let limit = u32::try_from(self.config.at_once).unwrap_or(u32::MAX);
        if room == 0 {
            return;
        }
        match self.store.messages_to_send(self.now(), limit.div_ceil(2), limit).await {
            Ok(found) => {
                let fresh = found.into_iter().filter(|message| !work.sends.contains(&message.id));
                for message in fresh.take(room).collect::<Vec<_>>() {
                    let messenger = Arc::clone(self);
                    work.sends.insert(message.id);
                    work.tasks.spawn(async move {
                        let id = message.id;
                        messenger.send_out(message).await;
                        Finished::Send(id)
                    });
                }
            }
            Err(error) => warn!(%error, "messages to send could not be found"),
        }
    }

    async fn settle_all(&self) {
        let limit = u32::try_from(self.config.at_once).unwrap_or(u32::MAX);
        let before = self.now().saturating_sub(SETTLE_AFTER).unwrap_or(jiff::Timestamp::MIN);
        let found = match self.store.unsettled_messages(before, limit).await {
            Ok(found) => found,
            Err(error) => return warn!(%error, "messages with unknown outcome could not be found"),
        };
        for message in found {
            if let Err(error) = self.settle(&message).await {
                warn!(message = %message.id, %error, "what became of a message is not known yet");
            }
        }
    }
}

impl Work {
    /// Returns what may have to be summed up.
    fn finish(&mut self, done: Option<Finished>) -> Spoken {
        match done {
            Some(Finished::Answer(session, spoken)) => {
                self.answers.remove(&session);
                return spoken;
            }
            Some(Finished::Send(message)) => drop(self.sends.remove(&message)),
            Some(Finished::Settle) => self.settles = false,
            Some(Finished::Summary) => {}
            // It panicked, and nobody knows which: all are looked for again, and the store keeps them from being done twice.
            None => {
                self.answers.clear();
                self.sends.clear();
                self.settles = false;
            }
        }
        None
    }
}
