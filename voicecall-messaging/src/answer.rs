//! Answering what came in: one session at a time by one owner, once, also when a process dies in the middle.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{sleep, timeout};
use tracing::{Instrument, error, info_span, warn};
use voicecall_core::dialogue::{CallerTurn, Dialogue, DialogueEvent, UtteranceId};
use voicecall_core::journal::JournalEntry;
use voicecall_core::model::LanguageModel;
use voicecall_core::store::{
    AcquireLease, Answer, Conversation, EventSource, Lease, LeaseTerm, Message, NewOutgoing, Session, SessionChange,
    past,
};
use voicecall_core::{Epoch, ErrorKind, Result};

use crate::handler::{AnswerPlan, AnswerRequest};
use crate::split::split;
use crate::turn::{Patience, Reply, Turn, TurnJournal};
use crate::{MessageEvent, Messenger};

/// How much longer a lease runs than an answer may take.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The conversation that a dialogue answered in, with the model it asked; none if something else answered.
pub(crate) type Spoken = Option<(Conversation, Arc<dyn LanguageModel>)>;

impl Messenger {
    /// Answers what waits in a session, if nobody else does. What a dialogue said in may have to be summed up afterwards.
    pub(crate) async fn answer_session(self: &Arc<Self>, session: Session) -> Spoken {
        let span = info_span!("answer", session = %session.id);
        let answered = self.try_session(&session).instrument(span).await;
        match answered {
            Ok(spoken) => spoken,
            // Somebody else was quicker.
            Err(error) if error.kind() == ErrorKind::Conflict => None,
            // It is found again once the lease has run out.
            Err(error) => {
                error!(session = %session.id, %error, "messages could not be answered yet");
                None
            }
        }
    }

    async fn try_session(self: &Arc<Self>, session: &Session) -> Result<Spoken> {
        let (tenant, id) = (session.tenant, session.id);
        let length = self.config.answer_timeout + LEASE_MARGIN;
        let term = LeaseTerm { now: self.now(), length };
        let lease = AcquireLease { only_if_free: true, ..AcquireLease::from_anybody(term) };
        let epoch = self.store.acquire_lease(tenant, id, lease).await?;
        let mut spoken = None;
        loop {
            let waiting = self.store.unanswered_messages(tenant, id).await?;
            if waiting.is_empty() {
                break;
            }
            spoken = self.answer(session, epoch, waiting).await?.or(spoken);
        }
        self.release(Lease { tenant, session: id, epoch }).await?;
        Ok(spoken)
    }

    /// Lets others answer what comes from now on, and looks for what came meanwhile.
    async fn release(&self, lease: Lease) -> Result<()> {
        let over = LeaseTerm { now: self.now(), length: Duration::ZERO };
        self.store.renew_leases(&[lease], over).await?;
        self.to_answer.notify_one();
        Ok(())
    }

    /// Answers these messages by a dialogue, tried again while its model fails, or else by an apology.
    async fn answer(self: &Arc<Self>, session: &Session, epoch: Epoch, messages: Vec<Message>) -> Result<Spoken> {
        let last = self.config.attempts.max(1);
        let all_attempts = async {
            let mut wait = FIRST_WAIT;
            for attempt in 1..=last {
                match self.attempt(session, epoch, &messages, attempt < last).await {
                    Err(error) if error.is_retryable() && attempt < last => {
                        warn!(%error, attempt, "an answer is tried again");
                        sleep(wait).await;
                        wait *= 2;
                    }
                    outcome => return outcome,
                }
            }
            Ok(None)
        };
        match timeout(self.config.answer_timeout, all_attempts).await {
            Ok(Ok(spoken)) => Ok(spoken),
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
    ) -> Result<Spoken> {
        let (store, tenant) = (&self.store, session.tenant);
        let stored = store.journal(tenant, session.id).await?;
        let mut journal = self.journal(session, epoch, &stored);
        let Some(first) = messages.first() else { return Ok(None) };
        let conversation = store.conversation(tenant, first.conversation).await?;
        let request =
            AnswerRequest { session: session.clone(), conversation: conversation.clone(), messages: messages.to_vec() };
        let heard = journal.heard(messages, &stored);
        if self.takes_part_in_call(session, heard.as_ref()).await {
            self.send_answer(session, epoch, messages, Reply::default(), journal).await?;
            return Ok(None);
        }
        let mut spoken = None;
        let reply = match self.handler.answer(&request).await? {
            AnswerPlan::Nobody => Reply::default(),
            AnswerPlan::Text(text) => fixed(&mut journal, text),
            AnswerPlan::Dialogue { dialogue, model } => {
                let begins = DialogueEvent::Messaging { heard_follows: heard.is_some() };
                let events = std::iter::once(begins).chain(heard.map(DialogueEvent::Heard));
                let patience = Patience { silence: self.config.model_timeout, tries_again };
                let dialogue = self.prepare(session, dialogue, &stored).await?;
                let reply = Turn::new(dialogue, Arc::clone(&model), patience, &mut journal).run(events).await?;
                spoken = Some((conversation, model));
                reply
            }
        };
        self.send_answer(session, epoch, messages, reply, journal).await?;
        Ok(spoken)
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

    async fn apologise(self: &Arc<Self>, session: &Session, epoch: Epoch, messages: &[Message]) -> Result<Spoken> {
        let stored = self.store.journal(session.tenant, session.id).await?;
        let mut journal = self.journal(session, epoch, &stored);
        journal.heard(messages, &stored);
        let reply = fixed(&mut journal, self.config.sorry.clone());
        self.send_answer(session, epoch, messages, reply, journal).await?;
        Ok(None)
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
