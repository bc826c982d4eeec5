//! No phone number stands in any of the store's files.

#![cfg(feature = "survey")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use support::{Folder, entry, incoming, new_session, new_session_for, thread};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{
    ConversationChange, EndReason, EventSource, JournalStore, MaintenanceStore, MessageStore, NewOutgoing, PersonStore,
    SessionChange, SessionStore,
};
use voicecall_core::{Address, ContentSeal, ErrorKind, TenantId, Vault};
use voicecall_store_sqlite::{SqliteOptions, SqliteStore, SqliteSurvey};
use voicecall_survey::store::{
    Anonymised, CallAttachment, CallStore, CustomerVerification, DirectoryStore, QuestionId, SurveyFact,
    VerificationId, VerificationStatus,
};
use voicecall_survey::testing::{WholeStore, check_sealing};

#[tokio::test]
async fn no_phone_number_stands_in_the_files() {
    let folder = Folder::new();
    let store = open(&folder).await;
    let (vault, tenant) = (Vault::generate().unwrap(), TenantId::new());
    let numbers: Vec<Address> = (0..16).map(|n| format!("+467012{n:05}").parse().unwrap()).collect();
    for number in &numbers {
        let new = new_session_for(&vault, tenant, number);
        store.create_session(&new).await.unwrap();
        store.append(tenant, &[entry(new.id, 1, "canary in clear text")]).await.unwrap();
        let id = VerificationId::new();
        let verification = CustomerVerification {
            id,
            tenant,
            purchased_at: jiff::Timestamp::now(),
            amount_micros: 1,
            phone: vault.seal_address(CustomerVerification::row(tenant, id), number).unwrap(),
            status: VerificationStatus::Verified,
        };
        store.put_verification(&verification).await.unwrap();
        store.accept_message(&thread(&vault, tenant, number), &incoming(&new.id.to_string(), "hej")).await.unwrap();
        let read = store.session(tenant, new.id).await.unwrap();
        assert_eq!(read.open_remote(&vault).unwrap().as_ref(), Some(number));
    }

    let files = contents(&folder);
    assert!(files.len() >= 3, "the file, its log and the log's index");
    let finds = |needle: &str| files.iter().any(|file| file.contains(needle));
    assert!(finds("canary in clear text"), "the search itself works");
    for number in &numbers {
        let canonical = number.canonical();
        let digits = canonical.trim_start_matches('+');
        let hex: String = digits.bytes().map(|byte| format!("{byte:02x}")).collect();
        for written in [digits.to_owned(), hex.to_uppercase(), hex, STANDARD_NO_PAD.encode(number.canonical())] {
            assert!(!finds(&written), "{written}");
        }
    }
}

#[tokio::test]
async fn what_was_erased_or_anonymised_stands_in_no_file() {
    let folder = Folder::new();
    let store = open(&folder).await;
    let (vault, tenant) = (Vault::generate().unwrap(), TenantId::new());
    let number: Address = "+46701234567".parse().unwrap();
    let (erased, kept) =
        (new_session_for(&vault, tenant, &number), new_session_for(&vault, tenant, &"+46701234568".parse().unwrap()));
    for (new, words) in [(&erased, "canary of one customer"), (&kept, "canary of another")] {
        store.create_session(new).await.unwrap();
        let what = CallAttachment { transcript: Some(words.to_owned()), ..CallAttachment::default() };
        store.attach_to_call(tenant, new.id, &what, jiff::Timestamp::now()).await.unwrap();
        let fact = Fact::from(SurveyFact::Asked { question: QuestionId::new(), text: words.to_owned() });
        store.append(tenant, &[JournalEntry { fact, ..entry(new.id, 1, "") }]).await.unwrap();
        let reason = EndReason::Busy;
        let end = SessionChange::Ended { reason, source: EventSource::System, at: jiff::Timestamp::now() };
        store.change_session(tenant, new.id, &end).await.unwrap();
    }
    let finds = |needle: &str| contents(&folder).iter().any(|file| file.contains(needle));
    assert!(finds("canary of one customer") && finds("canary of another"), "the search itself works");

    store.erase_person(tenant, vault.lookup(tenant, &number).into()).await.unwrap();
    assert!(!finds("canary of one customer"));
    assert!(!finds(&erased.id.to_string()), "not even that there was a call");
    assert!(finds("canary of another"));

    let texts = Anonymised { transcript: None, analysis: None, responses: Vec::new(), at: jiff::Timestamp::now() };
    store.anonymise_call(tenant, kept.id, &texts).await.unwrap();
    assert!(!finds("canary of another"));
    assert!(finds(&kept.id.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn content_is_sealed_in_the_files_if_wanted() {
    let folder = Folder::new();
    let file = folder.file();
    check_sealing(
        async |seal| {
            let options = SqliteOptions::new().seal(seal).extension(SqliteSurvey);
            Arc::new(options.open(&file).await.unwrap()) as Arc<dyn WholeStore>
        },
        async || contents(&folder).concat().into_bytes(),
    )
    .await;
}

#[tokio::test]
async fn sealed_content_opens_in_its_own_row_only() {
    let folder = Folder::new();
    let seal = ContentSeal::Seal(Arc::new(Vault::generate().unwrap()));
    let file = folder.file();
    let store = SqliteOptions::new().seal(seal).open(&file).await.unwrap();
    let [one, other] = [new_session(), new_session()];
    for new in [&one, &other] {
        store.create_session(new).await.unwrap();
        store.append(new.tenant, &[entry(new.id, 1, "canary"), entry(new.id, 2, "another")]).await.unwrap();
    }
    let db = rusqlite::Connection::open(&file).unwrap();
    for (session, seq) in [(one.id, 2), (other.id, 1)] {
        let update = "UPDATE facts SET fact = (SELECT fact FROM facts WHERE session_id = ? AND seq = ?)
                      WHERE session_id = ? AND seq = 1";
        assert_eq!(db.execute(update, (session.to_string(), seq, one.id.to_string())).unwrap(), 1);
        assert_eq!(store.journal(one.tenant, one.id).await.unwrap_err().kind(), ErrorKind::Internal, "{session} {seq}");
    }
    assert!(store.journal(other.tenant, other.id).await.is_ok(), "the other is as it was");
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_keeps_no_delete_from_succeeding_and_no_trace_for_longer_than_the_read() {
    let (folder, vault, tenant) = (Folder::new(), Vault::generate().unwrap(), TenantId::new());
    let file = folder.file();
    let store = SqliteOptions::new().open(&file).await.unwrap();
    let finds = |needle: &str| contents(&folder).iter().any(|file| file.contains(needle));
    let person = async |store: &SqliteStore, number: &str, words: &str| {
        let new = new_session_for(&vault, tenant, &number.parse().unwrap());
        store.create_session(&new).await.unwrap();
        store.append(tenant, &[entry(new.id, 1, words)]).await.unwrap();
        (new.id, vault.lookup(tenant, &number.parse().unwrap()).into())
    };
    // It can read only, so that it does not empty the log when it goes.
    let reader = || {
        let reader = rusqlite::Connection::open_with_flags(&file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM sessions").unwrap();
        reader
    };

    let (session, key) = person(&store, "+46701234567", "canary of one").await;
    let reading = reader();
    assert_eq!(store.erase_person(tenant, key).await.unwrap().sessions, [session], "it was erased");
    assert!(finds("canary of one"), "the log is kept for the reader");
    drop(reading);
    for _ in 0..100 {
        if !finds("canary of one") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert!(!finds("canary of one"), "the log is emptied when nobody reads any more");

    let (session, key) = person(&store, "+46701234568", "canary of another").await;
    let reading = reader();
    assert_eq!(store.erase_person(tenant, key).await.unwrap().sessions, [session]);
    // The process ends before the reader does.
    drop(store);
    drop(reading);
    assert!(finds("canary of another"));
    let _next = SqliteOptions::new().open(&file).await.unwrap();
    assert!(!finds("canary of another"), "the next process empties it");
}

#[tokio::test]
async fn messages_that_were_erased_or_deleted_stand_in_no_file() {
    let folder = Folder::new();
    let store = open(&folder).await;
    let (vault, tenant) = (Vault::generate().unwrap(), TenantId::new());
    let (erased, kept): (Address, Address) = ("+46701234567".parse().unwrap(), "+46701234568".parse().unwrap());
    let mut messages = Vec::new();
    for (who, words) in [(&erased, "canary of one person"), (&kept, "canary of another")] {
        let of = thread(&vault, tenant, who);
        let message = store.accept_message(&of, &incoming(words, &format!("{words}, heard"))).await.unwrap().message;
        let new = NewOutgoing { key: Some(format!("{words}, key")), ..NewOutgoing::text(words, message.at) };
        store.queue_message(&of, &new).await.unwrap();
        let remember = ConversationChange::Remember { before: serde_json::Value::Null, after: words.into() };
        store.change_conversation(tenant, message.conversation, &remember, message.at).await.unwrap();
        messages.push(message);
    }
    let finds = |needle: &str| contents(&folder).iter().any(|file| file.contains(needle));
    assert!(finds("canary of one person") && finds("canary of another"), "the search itself works");

    store.erase_person(tenant, vault.person(tenant, &erased)).await.unwrap();
    assert!(!finds("canary of one person"));
    for id in [messages[0].id.to_string(), messages[0].conversation.to_string()] {
        assert!(!finds(&id), "not even that there was a conversation");
    }
    let close = ConversationChange::Close;
    store.change_conversation(tenant, messages[1].conversation, &close, jiff::Timestamp::now()).await.unwrap();
    store.delete_session(tenant, messages[1].session).await.unwrap();
    assert!(!finds("canary of another, heard") && !finds(&messages[1].id.to_string()));
    assert!(finds("canary of another"), "what is remembered is the conversation's");
}

async fn open(folder: &Folder) -> SqliteStore {
    SqliteOptions::new().extension(SqliteSurvey).open(folder.file()).await.unwrap()
}

/// The files as text: what is no text becomes something else, and what is ASCII stays.
fn contents(folder: &Folder) -> Vec<String> {
    let read = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    std::fs::read_dir(folder.path()).unwrap().map(|file| read(file.unwrap().path())).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let store = open(&folder).await;
    store.create_session(&support::new_session()).await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}
