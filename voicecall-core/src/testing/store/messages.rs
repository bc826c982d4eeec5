//! Rules by which a message is taken in once, answered once and sent once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::fixture::{after, assert_kind, lease};
use crate::address::Address;
use crate::error::{Error, ErrorKind};
use crate::id::{AccountName, CarrierMessageId, ConversationId, Epoch, MessageId, SessionId, TenantId};
use crate::journal::{Fact, JournalEntry};
use crate::messaging::{DeliveryReport, Media, MessageState};
use crate::seal::{PersonKey, Vault};
use crate::store::{
    Accepted, AcquireLease, Answer, Channel, Conversation, ConversationChange, ConversationState, EngineStore, Lease,
    LeaseTerm, Message, NewIncoming, NewOutgoing, NewSession, OPTED_OUT, PageRequest, Participant, SendOutcome,
    SessionStatus, Thread,
};
use crate::time::CallTime;

const DAY: Duration = Duration::from_secs(86_400);

/// Somebody who is written to.
pub(super) struct Inbox {
    store: Arc<dyn EngineStore>,
    vault: Vault,
    pub(super) tenant: TenantId,
}

impl Inbox {
    pub(super) fn open(store: &Arc<dyn EngineStore>) -> Self {
        Self { store: Arc::clone(store), vault: Vault::generate().unwrap(), tenant: TenantId::new() }
    }

    pub(super) fn person(&self, address: &str) -> PersonKey {
        self.vault.person(self.tenant, &address.parse().unwrap())
    }

    /// The thread with an address, as whoever takes a message in would begin it.
    fn thread(&self, address: &str, at: Timestamp) -> Thread {
        let address: Address = address.parse().unwrap();
        let new = NewSession::inbound_from(&self.vault, self.tenant, Some(&address), at).unwrap();
        let account: AccountName = "main".parse().unwrap();
        let session = NewSession {
            channel: address.channel(),
            account: Some(account),
            local: Some("+46850000000".to_owned()),
            conversation: Some(ConversationId::new()),
            person: Some(self.vault.person(self.tenant, &address)),
            ..new
        };
        Thread { session, carrier: "carrier".to_owned(), idle: DAY }
    }

    pub(super) async fn take(&self, from: &str, carrier_id: &str, seconds: u64) -> Accepted {
        let new = incoming(carrier_id, seconds);
        self.store.accept_message(&self.thread(from, after(seconds)), &new).await.unwrap()
    }

    pub(super) async fn send(&self, to: &str, text: &str, seconds: u64) -> Result<Message, Error> {
        let new = NewOutgoing::text(text, after(seconds));
        self.store.queue_message(&self.thread(to, after(seconds)), &new).await
    }

    async fn own(&self, session: SessionId) -> Epoch {
        self.store.acquire_lease(self.tenant, session, AcquireLease::from_anybody(lease(10))).await.unwrap()
    }

    fn answer(&self, to: &Message, epoch: Epoch) -> Answer {
        let said =
            |seq, fact| JournalEntry { session: to.session, epoch, seq, at: after(20), offset: CallTime::ZERO, fact };
        Answer {
            tenant: self.tenant,
            session: to.session,
            epoch,
            up_to: to.number,
            entries: vec![said(1, Fact::DoNotCall), said(2, Fact::Warned)],
            messages: vec![NewOutgoing::text("We open at eight.", after(20))],
            at: after(20),
        }
    }

    async fn all(&self, of: ConversationId) -> Vec<Message> {
        self.store.messages(self.tenant, of, 0, 100).await.unwrap()
    }

    async fn to_send(&self, seconds: u64) -> Vec<MessageId> {
        let due = self.store.messages_to_send(after(seconds), 10, 100).await.unwrap();
        due.into_iter().filter(|message| message.tenant == self.tenant).map(|message| message.id).collect()
    }

    async fn to_answer(&self, seconds: u64) -> Vec<SessionId> {
        let due = self.store.sessions_to_answer(after(seconds), 10, 100).await.unwrap();
        due.into_iter().filter(|session| session.tenant == self.tenant).map(|session| session.id).collect()
    }
}

fn incoming(carrier_id: &str, seconds: u64) -> NewIncoming {
    NewIncoming {
        id: MessageId::new(),
        carrier_id: CarrierMessageId::new(carrier_id),
        text: "När öppnar ni? 🥐".to_owned(),
        media: vec![Media {
            url: "https://carrier.example/media/1".parse().unwrap(),
            content_type: "image/png".parse().unwrap(),
        }],
        wants_answer: true,
        at: after(seconds),
    }
}

pub(super) fn delivered(state: MessageState) -> DeliveryReport {
    DeliveryReport { state, error: (state == MessageState::Undelivered).then(|| "30003".to_owned()) }
}

pub(super) const ANNA: &str = "+46701740605";
const ANNA_WHATSAPP: &str = "whatsapp:+46701740605";
pub(super) const BO: &str = "+46701740606";

pub(super) async fn a_message_is_taken_in_once(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let all = join_all((0..16).map(|_| inbox.take(ANNA, "SM1", 1))).await;
    assert_eq!(all.iter().filter(|accepted| accepted.is_new).count(), 1);
    let first = &all[0].message;
    assert!(all.iter().all(|accepted| accepted.message == *first));
    assert_eq!((first.number, first.state, first.channel.clone()), (1, MessageState::Received, Channel::Sms));
    let new = incoming("SM1", 1);
    assert_eq!((&first.text, &first.media), (&new.text, &new.media));
    assert_eq!(inbox.all(first.conversation).await, std::slice::from_ref(first));
    assert_eq!(store.message(inbox.tenant, first.id).await.unwrap(), *first);
    // The same name at another account is another message.
    let elsewhere = inbox.thread(ANNA, after(2));
    let elsewhere =
        Thread { session: NewSession { account: Some("other".parse().unwrap()), ..elsewhere.session }, ..elsewhere };
    assert!(store.accept_message(&elsewhere, &incoming("SM1", 2)).await.unwrap().is_new);
}

pub(super) async fn one_person_over_two_channels_is_one_conversation(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let sms = inbox.take(ANNA, "SM1", 1).await.message;
    let whatsapp = inbox.take(ANNA_WHATSAPP, "SM2", 2).await.message;
    let other = inbox.take(BO, "SM3", 3).await.message;
    let again = inbox.take(ANNA, "SM4", 4).await.message;
    assert_eq!((sms.conversation, again.session), (whatsapp.conversation, sms.session));
    assert_ne!((other.conversation, whatsapp.session), (sms.conversation, sms.session));
    let numbers: Vec<_> = inbox.all(sms.conversation).await.iter().map(|row| (row.number, row.id)).collect();
    assert_eq!(numbers, [(1, sms.id), (2, whatsapp.id), (3, again.id)]);
    assert_eq!(inbox.store.messages(inbox.tenant, sms.conversation, 1, 1).await.unwrap()[0].id, whatsapp.id);
    let conversation = store.conversation(inbox.tenant, sms.conversation).await.unwrap();
    let person = inbox.person(ANNA);
    let taking_part = [Channel::Sms, Channel::WhatsApp].map(|channel| Participant { person, channel });
    assert_eq!((conversation.participants.as_slice(), conversation.last_message), (&taking_part[..], 3));
    assert_eq!(store.conversation_with(inbox.tenant, person).await.unwrap(), Some(conversation));
    let session = store.session(inbox.tenant, sms.session).await.unwrap();
    assert_eq!((session.status, session.due_at), (SessionStatus::InProgress, None), "nobody is called for a message");
    assert_eq!((session.started_at, session.connected_at), (after(1), Some(after(1))));
    assert_eq!((session.conversation, session.person), (Some(sms.conversation), Some(person)));
    let open = store.open_sessions().await.unwrap();
    assert!(open.iter().all(|open| open.tenant != inbox.tenant), "a message is no call to be recovered");
}

pub(super) async fn a_session_of_messages_ends_when_nobody_writes(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let first = inbox.take(ANNA, "SM1", 0).await.message;
    let second = inbox.take(ANNA, "SM2", 86_399).await.message;
    let third = inbox.take(ANNA, "SM3", 86_399 + 86_400).await.message;
    assert_eq!(first.session, second.session);
    assert_ne!(first.session, third.session);
    assert_eq!(first.conversation, third.conversation);
    let over = store.session(inbox.tenant, first.session).await.unwrap();
    assert_eq!(over.status, SessionStatus::Completed);
}

pub(super) async fn a_message_is_answered_once(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let one = inbox.take(ANNA, "SM1", 1).await.message;
    let two = inbox.take(ANNA, "SM2", 2).await.message;
    assert_eq!(inbox.to_answer(9).await, [one.session]);
    let epoch = inbox.own(one.session).await;
    assert!(inbox.to_answer(11).await.is_empty(), "somebody is at it");
    let held = Lease { tenant: inbox.tenant, session: one.session, epoch };
    let over = LeaseTerm { length: Duration::ZERO, ..lease(11) };
    assert_eq!(store.renew_leases(&[held], over).await.unwrap(), []);
    assert_eq!(inbox.to_answer(11).await, [one.session], "a lease that ran out is nobody's");
    let waiting = store.unanswered_messages(inbox.tenant, one.session).await.unwrap();
    assert_eq!(waiting, [one.clone(), two.clone()]);

    let answers = join_all((0..8).map(|_| async { store.answer_messages(&inbox.answer(&two, epoch)).await })).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let answer = answers.into_iter().find_map(Result::ok).unwrap();
    assert_eq!(answer.len(), 1);
    assert_eq!((answer[0].number, answer[0].state), (3, MessageState::Queued));
    assert_eq!((answer[0].session, answer[0].carrier.as_str()), (one.session, "carrier"));
    let states: Vec<_> = inbox.all(one.conversation).await.iter().map(|row| row.state).collect();
    assert_eq!(states, [MessageState::Answered, MessageState::Answered, MessageState::Queued]);
    assert_eq!(store.journal(inbox.tenant, one.session).await.unwrap().len(), 2);
    assert!(inbox.to_answer(10_000).await.is_empty());
}

pub(super) async fn an_answer_is_whole_or_not_at_all(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let one = inbox.take(ANNA, "SM1", 1).await.message;
    let (old, new) = (inbox.own(one.session).await, inbox.own(one.session).await);
    let refused = async |answer: Answer| {
        let refusal = store.answer_messages(&answer).await.unwrap_err();
        let left = inbox.all(one.conversation).await;
        assert_eq!((left.len(), left[0].state), (1, MessageState::Received));
        assert!(store.journal(inbox.tenant, one.session).await.unwrap().is_empty());
        refusal
    };
    assert_eq!(refused(inbox.answer(&one, old)).await.field(), Some("epoch"));
    let early = Answer { up_to: 0, ..inbox.answer(&one, new) };
    assert_eq!(refused(early).await.field(), Some("upTo"));
    let mut unfit = inbox.answer(&one, new);
    unfit.entries[1].seq = 0;
    assert_eq!(refused(unfit).await.kind(), ErrorKind::Invalid);
    store.answer_messages(&inbox.answer(&one, new)).await.unwrap();
}

pub(super) async fn a_message_is_sent_once(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let message = inbox.send(ANNA, "hej", 1).await.unwrap();
    assert!(inbox.to_send(0).await.is_empty(), "not due yet");
    assert_eq!(inbox.to_send(1).await, [message.id]);
    let begin = || store.begin_sending_message(inbox.tenant, message.id, after(2));
    let began = join_all((0..16).map(|_| begin())).await;
    assert_eq!(began.iter().filter(|began| began.is_ok()).count(), 1);
    assert!(inbox.to_send(9).await.is_empty());
    let unsettled = |seconds| store.unsettled_messages(after(seconds), 10);
    assert!(unsettled(2).await.unwrap().iter().all(|row| row.id != message.id));
    assert!(unsettled(3).await.unwrap().iter().any(|row| row.id == message.id));
    let settle = |outcome: SendOutcome| {
        let (store, tenant, id) = (Arc::clone(&store), inbox.tenant, message.id);
        async move { store.settle_message(tenant, id, &outcome, after(4)).await }
    };
    assert_eq!(settle(SendOutcome::Unknown).await.unwrap().state, MessageState::Unknown);
    assert_kind(begin().await, ErrorKind::Conflict);
    let accepted = SendOutcome::Accepted(CarrierMessageId::new("SM1"));
    for _ in 0..2 {
        let sent = settle(accepted.clone()).await.unwrap();
        assert_eq!((sent.state, sent.carrier_id), (MessageState::Sent, Some(CarrierMessageId::new("SM1"))));
    }
    assert_kind(settle(SendOutcome::Accepted(CarrierMessageId::new("SM2"))).await, ErrorKind::Conflict);
    assert_eq!(settle(SendOutcome::Rejected("21610".to_owned())).await.unwrap().state, MessageState::Sent);
    assert!(unsettled(9).await.unwrap().iter().all(|row| row.id != message.id));
}

pub(super) async fn what_was_not_sent_is_sent_later_and_in_order(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let first = inbox.send(ANNA, "ett", 1).await.unwrap();
    let second = inbox.send(ANNA, "två", 2).await.unwrap();
    let other = inbox.send(BO, "hej", 3).await.unwrap();
    assert_eq!(inbox.to_send(9).await, [first.id, other.id]);
    store.begin_sending_message(inbox.tenant, first.id, after(4)).await.unwrap();
    assert_eq!(inbox.to_send(9).await, [other.id], "a message waits for the one before it");
    let later = SendOutcome::Postponed(after(30));
    store.settle_message(inbox.tenant, first.id, &later, after(5)).await.unwrap();
    assert_eq!(inbox.to_send(29).await, [other.id]);
    assert_eq!(inbox.to_send(30).await, [other.id, first.id]);
    store.begin_sending_message(inbox.tenant, first.id, after(31)).await.unwrap();
    let refused = SendOutcome::Rejected("21610".to_owned());
    let failed = store.settle_message(inbox.tenant, first.id, &refused, after(32)).await.unwrap();
    assert_eq!((failed.state, failed.error.as_deref()), (MessageState::Failed, Some("21610")));
    assert_eq!(inbox.to_send(33).await, [second.id, other.id]);
}

pub(super) async fn reports_in_any_order_give_one_state(store: Arc<dyn EngineStore>) {
    use MessageState::{Delivered, Read, Sent};
    let orders =
        [[Sent, Delivered, Read], [Read, Delivered, Sent], [Delivered, Read, Delivered], [Read, Sent, Delivered]];
    let inbox = Inbox::open(&store);
    for (number, order) in orders.into_iter().enumerate() {
        let id = inbox.send(BO, "hej", 1).await.unwrap().id;
        let name = CarrierMessageId::new(format!("SM{number}"));
        let report = |state| {
            let (store, tenant, name) = (Arc::clone(&store), inbox.tenant, name.clone());
            async move { store.report_message(tenant, id, &name, &delivered(state), after(3)).await }
        };
        assert_kind(report(Sent).await, ErrorKind::Conflict);
        store.begin_sending_message(inbox.tenant, id, after(2)).await.unwrap();
        let mut last = None;
        for state in order {
            last = Some(report(state).await.unwrap().state);
        }
        assert_eq!(last, Some(Read));
        // The answer to the request itself comes last.
        let outcome = SendOutcome::Accepted(name.clone());
        let settled = store.settle_message(inbox.tenant, id, &outcome, after(4)).await.unwrap();
        assert_eq!(settled.state, Read);
    }
    let id = inbox.send(ANNA, "hej", 1).await.unwrap().id;
    store.begin_sending_message(inbox.tenant, id, after(2)).await.unwrap();
    let failed = delivered(MessageState::Undelivered);
    let name = CarrierMessageId::new("SM9");
    let row = store.report_message(inbox.tenant, id, &name, &failed, after(3)).await.unwrap();
    assert_eq!((row.state, row.error.as_deref()), (MessageState::Undelivered, Some("30003")));
}

pub(super) async fn a_key_sends_once(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let new = NewOutgoing { key: Some("order-17".to_owned()), ..NewOutgoing::text("ett", after(1)) };
    let thread = inbox.thread(ANNA, after(1));
    let first = store.queue_message(&thread, &new).await.unwrap();
    let again = NewOutgoing { id: MessageId::new(), text: "två".to_owned(), ..new.clone() };
    assert_eq!(store.queue_message(&inbox.thread(BO, after(2)), &again).await.unwrap(), first);
    let other = Inbox::open(&store);
    assert_ne!(store.queue_message(&other.thread(ANNA, after(1)), &again).await.unwrap().id, first.id);
}

pub(super) async fn who_wants_no_messages_gets_none(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let person = inbox.person(ANNA);
    let queued = inbox.send(ANNA, "hej", 1).await.unwrap();
    let forbidden = |channel: Channel| {
        let (store, tenant) = (Arc::clone(&store), inbox.tenant);
        async move { store.messages_forbidden_since(tenant, person, &channel).await.unwrap() }
    };
    assert_eq!(forbidden(Channel::Sms).await, None);
    for seconds in [5, 6] {
        store.forbid_messages(inbox.tenant, person, &Channel::Sms, after(seconds)).await.unwrap();
    }
    assert_eq!(forbidden(Channel::Sms).await, Some(after(5)));
    assert_eq!(forbidden(Channel::WhatsApp).await, None);
    assert_eq!(inbox.send(ANNA, "hej", 7).await.unwrap_err().code(), Some(OPTED_OUT));
    let refusal = store.begin_sending_message(inbox.tenant, queued.id, after(7)).await.unwrap_err();
    assert_eq!(refusal.code(), Some(OPTED_OUT));
    let failed = store.message(inbox.tenant, queued.id).await.unwrap();
    assert_eq!((failed.state, failed.error.as_deref()), (MessageState::Failed, Some(OPTED_OUT)));
    let confirmation = NewOutgoing { despite_opt_out: true, ..NewOutgoing::text("Du får inga fler.", after(8)) };
    let confirmation = store.queue_message(&inbox.thread(ANNA, after(8)), &confirmation).await.unwrap();
    store.begin_sending_message(inbox.tenant, confirmation.id, after(9)).await.unwrap();
    inbox.send(ANNA_WHATSAPP, "hej", 9).await.unwrap();
    inbox.send(BO, "hej", 9).await.unwrap();

    store.erase_person(inbox.tenant, person).await.unwrap();
    assert_eq!(forbidden(Channel::Sms).await, Some(after(5)), "the wish outlives erasure");
    store.allow_messages(inbox.tenant, person, &Channel::Sms).await.unwrap();
    assert_eq!(forbidden(Channel::Sms).await, None);
    inbox.send(ANNA, "hej", 10).await.unwrap();
}

pub(super) async fn a_conversation_is_remembered_and_closed(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let first = inbox.take(ANNA, "SM1", 1).await.message;
    let other = inbox.take(BO, "SM2", 2).await.message;
    let change = |change: ConversationChange, seconds: u64| {
        let (store, tenant) = (Arc::clone(&store), inbox.tenant);
        async move { store.change_conversation(tenant, first.conversation, &change, after(seconds)).await }
    };
    let remember = |before: &str, after: &str| ConversationChange::Remember {
        before: serde_json::from_str(before).unwrap(),
        after: serde_json::from_str(after).unwrap(),
    };
    let known = r#"{"name":"Anna","summary":"ål 🥐"}"#;
    let kept = change(remember("null", known), 3).await.unwrap();
    assert_eq!((kept.memory["name"].as_str(), kept.updated_at), (Some("Anna"), after(3)));
    assert_eq!(change(remember("null", "1"), 4).await.unwrap_err().field(), Some("memory"));
    let bo = Participant { person: inbox.person(BO), channel: Channel::Sms };
    let in_another = change(ConversationChange::Add(bo), 4).await.unwrap_err();
    assert_eq!((in_another.kind(), in_another.field()), (ErrorKind::Conflict, Some("participants")));
    let third = Participant { person: inbox.person("+46701740607"), channel: Channel::WhatsApp };
    assert_eq!(change(ConversationChange::Add(third.clone()), 4).await.unwrap().participants.len(), 2);
    let found = store.conversation_with(inbox.tenant, third.person).await.unwrap();
    assert_eq!(found.map(|found| found.id), Some(first.conversation));
    assert_eq!(change(ConversationChange::Remove(third), 4).await.unwrap().participants.len(), 1);

    let list = |state| {
        let (store, tenant) = (Arc::clone(&store), inbox.tenant);
        async move {
            let page = store.conversations(tenant, state, PageRequest::default()).await.unwrap();
            assert_eq!(page.total as usize, page.items.len());
            page.items.into_iter().map(|row| row.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(None).await, [first.conversation, other.conversation]);
    let closed = change(ConversationChange::Close, 5).await.unwrap();
    assert_eq!(closed.state, ConversationState::Closed);
    assert_eq!(list(Some(ConversationState::Closed)).await, [first.conversation]);
    assert_eq!(store.session(inbox.tenant, first.session).await.unwrap().status, SessionStatus::Completed);
    let again = inbox.take(ANNA, "SM3", 6).await.message;
    assert_eq!(again.conversation, first.conversation);
    assert_ne!(again.session, first.session);
    let open: Conversation = store.conversation(inbox.tenant, first.conversation).await.unwrap();
    assert_eq!((open.state, open.memory["name"].as_str()), (ConversationState::Active, Some("Anna")));
}

pub(super) async fn messages_are_exported_and_erased_with_their_person(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let first = inbox.take(ANNA, "SM1", 1).await.message;
    let second = inbox.take(ANNA_WHATSAPP, "SM2", 2).await.message;
    let other = inbox.take(BO, "SM3", 3).await.message;
    let person = inbox.person(ANNA);
    let file = store.export_person(inbox.tenant, person).await.unwrap();
    let kept: Vec<_> = file.sessions.iter().flat_map(|session| &session.messages).map(|row| row.id).collect();
    assert_eq!(kept, [first.id, second.id]);
    let mut erased = store.erase_person(inbox.tenant, person).await.unwrap().sessions;
    erased.sort();
    let mut theirs = vec![first.session, second.session];
    theirs.sort();
    assert_eq!(erased, theirs);
    assert_kind(store.message(inbox.tenant, first.id).await, ErrorKind::NotFound);
    assert_kind(store.conversation(inbox.tenant, first.conversation).await, ErrorKind::NotFound);
    assert_eq!(inbox.all(other.conversation).await, [other]);
    assert!(inbox.take(ANNA, "SM1", 4).await.is_new, "nothing of what was is left");
}

pub(super) async fn who_left_a_conversation_is_still_answered(store: Arc<dyn EngineStore>) {
    let inbox = Inbox::open(&store);
    let first = inbox.take(ANNA, "SM1", 1).await.message;
    let bo = Participant { person: inbox.person(BO), channel: Channel::Sms };
    let change = async |change: ConversationChange| {
        store.change_conversation(inbox.tenant, first.conversation, &change, after(2)).await.unwrap()
    };
    change(ConversationChange::Add(bo.clone())).await;
    let theirs = inbox.take(BO, "SM2", 3).await.message;
    assert_eq!((theirs.conversation, theirs.number), (first.conversation, 2));
    assert_eq!(change(ConversationChange::Remove(bo)).await.participants.len(), 1);
    store.erase_person(inbox.tenant, inbox.person(ANNA)).await.unwrap();
    assert_kind(store.conversation(inbox.tenant, first.conversation).await, ErrorKind::NotFound);
    let epoch = inbox.own(theirs.session).await;
    let answer = store.answer_messages(&inbox.answer(&theirs, epoch)).await.unwrap();
    assert_eq!((answer[0].session, answer[0].number), (theirs.session, 3));
    let again = inbox.take(BO, "SM3", 4).await.message;
    assert_ne!(again.conversation, first.conversation);
    assert_eq!(again.number, 1);
}

pub(super) async fn another_tenants_messages_are_its_own(store: Arc<dyn EngineStore>) {
    let (one, two) = (Inbox::open(&store), Inbox::open(&store));
    let message = one.take(ANNA, "SM1", 1).await.message;
    let (id, conversation) = (message.id, message.conversation);
    assert!(two.take(ANNA, "SM1", 1).await.is_new, "names of carriers are each tenant's own");
    let sent = SendOutcome::Accepted(CarrierMessageId::new("SM1"));
    assert_kind(store.message(two.tenant, id).await, ErrorKind::NotFound);
    assert_kind(store.messages(two.tenant, conversation, 0, 10).await, ErrorKind::NotFound);
    assert_kind(store.conversation(two.tenant, conversation).await, ErrorKind::NotFound);
    assert_kind(store.begin_sending_message(two.tenant, id, after(2)).await, ErrorKind::NotFound);
    assert_kind(store.settle_message(two.tenant, id, &sent, after(2)).await, ErrorKind::NotFound);
    assert_kind(store.unanswered_messages(two.tenant, message.session).await, ErrorKind::NotFound);
    let close = ConversationChange::Close;
    assert_kind(store.change_conversation(two.tenant, conversation, &close, after(2)).await, ErrorKind::NotFound);
    assert_kind(store.answer_messages(&two.answer(&message, Epoch::FIRST)).await, ErrorKind::NotFound);
    assert_eq!(store.conversation_with(two.tenant, one.person(ANNA)).await.unwrap(), None);
    let theirs = two.thread(BO, after(2));
    let theirs = Thread { session: NewSession { conversation: Some(conversation), ..theirs.session }, ..theirs };
    assert_kind(store.accept_message(&theirs, &incoming("SM2", 2)).await, ErrorKind::Conflict);
    assert_eq!(one.all(conversation).await, [message]);
}

pub(super) async fn many_of_one_tenant_hide_nobody_elses_messages(store: Arc<dyn EngineStore>) {
    let (busy, quiet) = (Inbox::open(&store), Inbox::open(&store));
    for number in 0..5 {
        let from = format!("+4670174061{number}");
        busy.take(&from, &format!("SM{number}"), 1).await;
        busy.send(&from, "hej", 1).await.unwrap();
    }
    let message = quiet.take(ANNA, "SM9", 2).await.message;
    let answer = quiet.send(ANNA, "hej", 2).await.unwrap();
    let sessions = store.sessions_to_answer(after(3), 2, 100).await.unwrap();
    assert_eq!(sessions.iter().filter(|session| session.tenant == busy.tenant).count(), 2);
    assert!(sessions.iter().any(|session| session.id == message.session));
    let messages = store.messages_to_send(after(3), 2, 100).await.unwrap();
    assert_eq!(messages.iter().filter(|message| message.tenant == busy.tenant).count(), 2);
    assert!(messages.iter().any(|other| other.id == answer.id));
}
