//! Calls that are handed to somebody else: at once, or once whoever answers has heard of the call and taken it.
//!
//! A warm transfer is stored before the carrier is asked for it, and the carrier's from then on until somebody has pressed the
//! key: nothing of it waits in a process, so that any may answer the carrier, and none that dies loses the caller. What whoever
//! answers is told stands sealed in the address that the carrier asks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::CallEngine;
use super::accounts::Account;
use super::address::CallKey;
use super::recording::RecordingFolder;
use super::retry::{ON_THE_LINE, retry_for};
use voicecall_core::carrier::{
    CallFlow, CallStep, CarrierEvent, CarrierEventKind, Dial, Gather, Say, VoiceBackend, WebhookReply, WebhookRequest,
};
use voicecall_core::dialogue::{ACCEPT_KEY, LONGEST_ANNOUNCEMENT};
use voicecall_core::journal::{Fact, JournalEntry, last_end, next_seq, open_offer};
use voicecall_core::store::{EndReason, EventSource, Session};
use voicecall_core::{CallTime, CarrierCallId, PhoneNumber, Sealed};
use voicecall_core::{Error, ErrorKind, Result};

/// How long whoever answers may think about it once they have heard what it is about, each time they hear it.
const DECIDES_WITHIN: Duration = Duration::from_secs(6);

/// How long the last facts of a call may take to be stored once the carrier has it.
const LETS_GO_WITHIN: Duration = Duration::from_secs(5);

/// How often they hear it.
const TOLD: usize = 2;

/// The longest that an offer may take, from ringing to the last word that is waited for. After it the caller is brought back.
const OFFER_LASTS: SignedDuration = SignedDuration::from_mins(3);

/// Where a call is to go.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) to: PhoneNumber,
    /// What whoever answers is told before they decide.
    pub(super) announcement: Option<Say>,
}

/// Has the carrier connect the call to whom its logic wants. One that stays goes on, and its logic notices.
pub(super) async fn redirect(
    engine: Arc<CallEngine>,
    account: Arc<Account>,
    (key, call): (CallKey, CarrierCallId),
    mut transfers: mpsc::Receiver<Transfer>,
) {
    while let Some(transfer) = transfers.recv().await {
        let redirected = match engine.transfer_flow(&**account.backend(), key, transfer) {
            Ok(flow) => account.backend().update_call(&call, &flow).await,
            Err(refused) => Err(refused),
        };
        if let Err(error) = redirected {
            warn!(%error, "the call could not be transferred");
        }
    }
}

impl CallEngine {
    /// The steps that transfer a call.
    fn transfer_flow(&self, carrier: &dyn VoiceBackend, key: CallKey, transfer: Transfer) -> Result<CallFlow> {
        // A model may have been talked into a number that somebody earns from.
        self.check_destination(&transfer.to)?;
        let mut dial = Dial::new(transfer.to);
        let Some(announcement) = transfer.announcement else {
            return Ok(CallFlow(vec![CallStep::Dial(dial), CallStep::HangUp]));
        };
        if !carrier.capabilities().screening {
            let error = Error::new(ErrorKind::Unsupported, "transfer call").with_provider(carrier.name());
            return Err(error.with_message("nobody can be asked before they are connected"));
        }
        if announcement.text.chars().count() > LONGEST_ANNOUNCEMENT {
            return Err(Error::invalid("announcement", format!("at most {LONGEST_ANNOUNCEMENT} characters")));
        }
        let sealed = self.seal_announcement(key, &announcement)?;
        for number in &mut dial.numbers {
            number.screening_url = Some(self.config.screening_url(key, &sealed)?);
        }
        dial.next = Some(self.config.resume_url(key)?);
        Ok(CallFlow(vec![CallStep::Dial(dial)]))
    }

    fn seal_announcement(&self, key: CallKey, announcement: &Say) -> Result<String> {
        let plain = serde_json::to_vec(announcement)
            .map_err(|error| Error::new(ErrorKind::Internal, "write announcement").with_source(error))?;
        Ok(URL_SAFE_NO_PAD.encode(self.vault.seal(&context(key), &plain)?.as_bytes()))
    }

    fn open_announcement(&self, key: CallKey, sealed: &str) -> Result<Say> {
        let unreadable = || Error::invalid("announcement", "one of ours, for this call");
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|error| unreadable().with_source(error))?;
        let plain = self.vault.open(&context(key), &Sealed::from_bytes(sealed));
        let plain = plain.map_err(|error| unreadable().with_source(error))?;
        serde_json::from_slice(&plain).map_err(|error| unreadable().with_source(error))
    }

    /// Answers a carrier that asks what to say to somebody who has answered and may take a call.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not the carrier; `NotFound` for an attempt that is not ours; `Invalid` naming
    /// `announcement` if that is not what we gave the carrier for this call.
    pub async fn screen_transfer(
        self: &Arc<Self>,
        key: CallKey,
        announcement: &str,
        request: &WebhookRequest<'_>,
    ) -> Result<WebhookReply> {
        let (account, event) = self.verify(key.account, request).await?;
        let say = self.open_announcement(key, announcement)?;
        let Some(offer) = retry_for(ON_THE_LINE, || self.offer(key)).await? else {
            // The caller has hung up, or came back to us.
            return account.reply(&CallFlow::hang_up());
        };
        self.log_webhook(&account, &offer.session, &event, Instant::now()).await;
        let mut ask = Gather::keys(self.config.accept_url(key)?).with_prompt(say);
        (ask.digits, ask.timeout) = (Some(1), DECIDES_WITHIN);
        let mut steps = vec![CallStep::Gather(ask); TOLD];
        steps.push(CallStep::HangUp);
        account.reply(&CallFlow(steps))
    }

    /// Answers a carrier that says which key somebody has pressed who may take a call: connects the two, or leaves the caller
    /// to us.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub async fn take_transfer(self: &Arc<Self>, key: CallKey, request: &WebhookRequest<'_>) -> Result<WebhookReply> {
        let (account, event) = self.verify(key.account, request).await?;
        let pressed = if let CarrierEventKind::Gathered(gathered) = &event.kind { &gathered.digits } else { &None };
        let accepts = pressed.as_ref().is_some_and(|digits| digits.contains(ACCEPT_KEY));
        if !accepts {
            return account.reply(&CallFlow::hang_up());
        }
        retry_for(ON_THE_LINE, || self.is_let_go(key)).await?;
        let is_theirs = retry_for(ON_THE_LINE, || self.take_offer(key, &account, &event)).await?;
        // Nothing more is to be done before the two are connected.
        account.reply(&if is_theirs { CallFlow(Vec::new()) } else { CallFlow::hang_up() })
    }

    /// Waits until whoever ran the call has stored the last of it: the carrier is as quick as we are.
    async fn is_let_go(&self, key: CallKey) -> Result<()> {
        let session = self.store.attempt(key.tenant, key.attempt).await?.session;
        let _ = timeout(LETS_GO_WITHIN, self.ended(session)).await;
        let asked = Instant::now();
        while self.is_run_elsewhere(&self.store.session(key.tenant, session).await?) {
            if asked.elapsed() >= LETS_GO_WITHIN {
                break;
            }
            sleep(LETS_GO_WITHIN / 20).await;
        }
        Ok(())
    }

    /// Somebody takes the call: from now on it is theirs. Returns whether it is, also to who asks twice.
    async fn take_offer(&self, key: CallKey, account: &Account, event: &CarrierEvent) -> Result<bool> {
        // Whoever looks after sessions that nobody runs may own it by now, and leaves it alone.
        for _ in 0..3 {
            let Some(offer) = self.offer(key).await? else { break };
            self.log_webhook(account, &offer.session, event, Instant::now()).await;
            let taken = Fact::Transferred { to: offer.to.clone() };
            match self.end_offer(&offer, Some(taken), EndReason::Completed, EventSource::System).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                ended => return ended.map(|()| true),
            }
        }
        let id = self.store.attempt(key.tenant, key.attempt).await?.session;
        let session = self.store.session(key.tenant, id).await?;
        self.book_end(&session).await?;
        let end = last_end(&self.store.journal(key.tenant, id).await?);
        Ok(end.is_some_and(|end| end.is_transferred))
    }

    /// What is offered of an attempt's call, if it is.
    async fn offer(&self, key: CallKey) -> Result<Option<Offered>> {
        let attempt = self.store.attempt(key.tenant, key.attempt).await?;
        if attempt.outcome.is_some() {
            return Ok(None);
        }
        self.offer_of(self.store.session(key.tenant, attempt.session).await?).await
    }

    async fn offer_of(&self, session: Session) -> Result<Option<Offered>> {
        if session.status.is_final() {
            return Ok(None);
        }
        let journal = self.store.journal(session.tenant, session.id).await?;
        let open = open_offer(&journal).map(|offer| (offer.to.to_owned(), offer.at));
        Ok(open.map(|(to, at)| Offered { session, to, at, next: next_seq(&journal) }))
    }

    /// Whether somebody is asked to take a session's call: it is the carrier's then.
    pub(super) async fn is_offered(&self, session: &Session) -> Result<bool> {
        let offer = self.offer_of(session.clone()).await?;
        Ok(offer.is_some_and(|offer| self.now().duration_since(offer.at) < OFFER_LASTS))
    }

    /// The call is over before anybody took it, if it was offered. Returns whether it was.
    pub(super) async fn offered_call_ended(&self, session: &Session) -> Result<bool> {
        let Some(offer) = self.offer_of(session.clone()).await? else { return Ok(false) };
        self.end_offer(&offer, None, EndReason::RemoteHangup, EventSource::Telephony).await?;
        Ok(true)
    }

    /// The last facts of a call that was offered, and the end of its session.
    async fn end_offer(
        &self,
        Offered { session, next, .. }: &Offered,
        fact: Option<Fact>,
        reason: EndReason,
        source: EventSource,
    ) -> Result<()> {
        let (at, id) = (self.now(), session.id);
        let since = session.connected_at.and_then(|answered| Duration::try_from(at.duration_since(answered)).ok());
        let offset = CallTime::ZERO + since.unwrap_or_default();
        let facts = fact.into_iter().chain([Fact::Ended { reason }]);
        let entry = |(seq, fact)| JournalEntry { session: id, epoch: session.owner, seq, at, offset, fact };
        let entries: Vec<_> = (*next..).zip(facts).map(entry).collect();
        self.store.append(session.tenant, &entries).await?;
        info!(session = %id, %reason, "a call that was offered to somebody is over for us");
        self.conclude_and_tell(session, reason, source).await
    }

    pub(super) fn recording_of(&self, session: &Session) -> Option<PathBuf> {
        let folder = self.config.recordings.as_ref()?;
        let folder = RecordingFolder::new(folder, (session.tenant, session.id), &self.config.seal);
        folder.path().is_dir().then(|| folder.path().to_owned())
    }
}

/// A call that somebody is asked to take.
struct Offered {
    session: Session,
    to: String,
    at: Timestamp,
    /// The number of the session's next fact.
    next: u64,
}

fn context(key: CallKey) -> String {
    format!("transfer announcement {key}")
}
