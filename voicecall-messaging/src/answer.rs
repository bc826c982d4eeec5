//! Answering what came in: one session at a time by one owner, once, also when a process dies in the middle.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{sleep, timeout};
use tracing::{Instrument, error, info_span, warn};
use voicecall_core::dialogue::{CallerTurn, Dialogue, DialogueEvent, UtteranceId};
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{
    AcquireLease, Answer, EventSource, Lease, LeaseTerm, Message, NewOutgoing, Session, SessionChange, past,
};
use voicecall_core::{Epoch, ErrorKind, Result};

use crate::handler::{AnswerPlan, AnswerRequest};
use crate::split::split;
use crate::turn::{Patience, Reply, Turn, TurnJournal, heard_up_to};
use crate::{MessageEvent, Messenger};

/// How much longer a lease runs than an answer may take.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

const FIRST_WAIT: Duration = Duration::from_millis(500);

impl Messenger {
    /// Answers what waits in a session, if nobody else does.
    pub(crate) async fn answer_session(self: &Arc<Self>, session: Session) {
        let span = info_span!("answer", session = %session.id);
        let answered = self.try_session(&session).instrument(span).await;
        match answered {
            Ok(()) => {}
            // Somebody else was quicker.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            // It is found again once the lease has run out.
            Err(error) => error!(session = %session.id, %error, "messages could not be answered yet"),
        }
    }

    async fn try_session(self: &Arc<Self>, session: &Session) -> Result<()> {
        let (tenant, id) = (session.tenant, session.id);
        let length = self.config.answer_timeout + LEASE_MARGIN;
        let term = LeaseTerm { now: self.now(), length };
        let lease = AcquireLease { only_if_free: true, ..AcquireLease::from_anybody(term) };
        let epoch = self.store.acquire_lease(tenant, id, lease).await?;
        loop {
            let waiting = self.store.unanswered_messages(tenant, id).await?;
            if waiting.is_empty() {
                break;
            }
            self.answer(session, epoch, waiting).await?;
        }
        self.release(Lease { tenant, session: id, epoch }).await
    }

    /// Lets others answer what comes from now on, and looks for what came meanwhile.
    async fn release(&self, lease: Lease) -> Result<()> {
        let over = LeaseTerm { now: self.now(), length: Duration::ZERO };
        self.store.renew_leases(&[lease], over).await?;
        self.to_answer.notify_one();
        Ok(())
    }

    /// Answers these messages by a dialogue, tried again while its model fails, or else by an apology.
    async fn answer(self: &Arc<Self>, session: &Session, epoch: Epoch, messages: Vec<Message>) -> Result<()> {
        let last = self.config.attempts.max(1);
        let all_attempts = async {
            let mut wait = FIRST_WAIT;
            for attempt in 1..=last {
                match self.attempt(session, epoch, &messages, attempt < last).await {
                    Err(error) if error.kind() != ErrorKind::Conflict && attempt < last => {
                        warn!(%error, attempt, "an answer is tried again");
                        sleep(wait).await;
                        wait *= 2;
                    }
                    outcome => return outcome,
                }
            }
            Ok(())
        };
        match timeout(self.config.answer_timeout, all_attempts).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == ErrorKind::Conflict => Err(error),
            Ok(Err(error)) => {
                error!(%error, "an answer failed");
                self.apologise(session, epoch, &messages).await
            }
            Err(_) => {
                error!("an answer took too long");
                self.apologise(session, epoch, &messages).await
            }
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        session: &Session,
        epoch: Epoch,
        messages: &[Message],
        tries_again: bool,
    ) -> Result<()> {
        let (store, tenant) = (&self.store, session.tenant);
        let stored = store.journal(tenant, session.id).await?;
        let mut journal = self.journal(session, epoch, &stored);
        let Some(first) = messages.first() else { return Ok(()) };
        let conversation = store.conversation(tenant, first.conversation).await?;
        let request =
            AnswerRequest { session: session.clone(), conversation: conversation.clone(), messages: messages.to_vec() };
        let new: Vec<Message> =
            messages.iter().filter(|message| message.number > heard_up_to(&stored)).cloned().collect();
        let heard = journal.heard(&new);
        if self.takes_part_in_call(session, heard.as_ref()).await {
            return self.send_answer(session, epoch, messages, Reply::default(), journal).await;
        }
        let reply = match self.handler.answer(&request).await? {
            AnswerPlan::Nobody => Reply::default(),
            AnswerPlan::Text(text) => fixed(&mut journal, text),
            AnswerPlan::Dialogue { dialogue, model } => {
                let begins = DialogueEvent::Messaging { heard_follows: heard.is_some() };
                let events = std::iter::once(begins).chain(heard.map(DialogueEvent::Heard));
                let patience = Patience { silence: self.config.model_timeout, tries_again };
                let dialogue = self.prepare(session, dialogue, &stored).await?;
                let reply = Turn::new(dialogue, Arc::clone(&model), patience, &mut journal).run(events).await?;
                self.send_answer(session, epoch, messages, reply, journal).await?;
                self.sum_up(&conversation, &model).await;
                return Ok(());
            }
        };
        self.send_answer(session, epoch, messages, reply, journal).await
    }

    /// Whether a call of theirs knows now what somebody wrote.
    async fn takes_part_in_call(&self, session: &Session, heard: Option<&CallerTurn>) -> bool {
        let (Some(calls), Some(person)) = (self.calls.get(), session.person) else { return false };
        let Some(text) = heard.and_then(|turn| turn.text.as_deref()) else { return false };
        match calls.wrote(session.tenant, person, text).await {
            Ok(is_told) => is_told,
            Err(error) => {
                warn!(%error, "nobody knows whether the person is in a call");
                false
            }
        }
    }

    async fn prepare(
        &self,
        session: &Session,
        mut dialogue: Box<dyn Dialogue>,
        journal: &[JournalEntry],
    ) -> Result<Box<dyn Dialogue>> {
        dialogue.validate()?;
        dialogue.recall(&past(&*self.store, session, self.config.remembered_lines).await?);
        dialogue.resume(journal);
        Ok(dialogue)
    }

    async fn apologise(self: &Arc<Self>, session: &Session, epoch: Epoch, messages: &[Message]) -> Result<()> {
        let stored = self.store.journal(session.tenant, session.id).await?;
        let mut journal = self.journal(session, epoch, &stored);
        let new: Vec<Message> =
            messages.iter().filter(|message| message.number > heard_up_to(&stored)).cloned().collect();
        journal.heard(&new);
        let reply = fixed(&mut journal, self.config.sorry.clone());
        self.send_answer(session, epoch, messages, reply, journal).await
    }

    fn journal(&self, session: &Session, epoch: Epoch, stored: &[JournalEntry]) -> TurnJournal {
        TurnJournal::new(Arc::clone(&self.store), self.config.clock, session.clone(), epoch, stored)
    }

    /// Stores the answer with what it leaves, and ends the session if the dialogue did.
    async fn send_answer(
        &self,
        session: &Session,
        epoch: Epoch,
        messages: &[Message],
        reply: Reply,
        journal: TurnJournal,
    ) -> Result<()> {
        let Some(last) = messages.last() else { return Ok(()) };
        let at = self.now();
        let answer = Answer {
            tenant: session.tenant,
            session: session.id,
            epoch,
            up_to: last.number,
            entries: journal.into_waiting(),
            messages: self.parts(last, &reply.text, at),
            at,
        };
        for message in self.store.answer_messages(&answer).await? {
            self.events.tell(MessageEvent::Queued(message));
        }
        self.to_send.notify_one();
        if let Some(reason) = reply.ended {
            let end = SessionChange::Ended { reason, source: EventSource::System, at };
            self.store.change_session(session.tenant, session.id, &end).await?;
        }
        Ok(())
    }

    /// A text as the messages it takes over the channel of `like`.
    fn parts(&self, like: &Message, text: &str, at: Timestamp) -> Vec<NewOutgoing> {
        let account = like.account.and_then(|name| self.account(name).ok());
        let limits = account.and_then(|account| account.backend.capabilities().limits(&like.channel).cloned());
        let most = limits.map_or(usize::MAX, |limits| limits.max_chars);
        split(text, most).into_iter().map(|part| NewOutgoing::text(part, at)).collect()
    }
}

/// An answer of which every word is known.
fn fixed(journal: &mut TurnJournal, text: String) -> Reply {
    journal.said(UtteranceId(0), &text);
    Reply { text, ended: None }
}
