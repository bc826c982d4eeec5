//! That a store seals content where it is told to, whatever it was told before.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{EndReason, EventSource, NewSession, SessionChange, check_keys, rekey};
use voicecall_core::tool::{ToolCallId, ToolEffect, ToolOutcome, ToolState};
use voicecall_core::{CallTime, ContentSeal, ErrorKind, TenantId, Vault};

use super::WholeStore;
use super::fixture::{Shop, Snapshot, after, answered, assert_kind, heard, response};
use crate::store::{CallAttachment, QuestionId, ReportRange, SealedSurvey, SurveyFact};

/// What was said while content was not sealed, and while it was.
const OPENLY: &str = "ansjovis";
const SEALED: &str = "rabarber";

/// Checks that nothing of what people said stands at rest in plain text once a store seals content, that it is read
/// nevertheless, and that keys and the option itself can be changed. Panics if not.
///
/// `open` opens the same store each time, which is empty at first; `at_rest` reads all there is of it where somebody without
/// keys could.
pub async fn check_sealing<O, S, A, B>(open: O, at_rest: A)
where
    O: Fn(ContentSeal) -> S + Send + Sync,
    S: Future<Output = Arc<dyn WholeStore>> + Send,
    A: Fn() -> B + Send + Sync,
    B: Future<Output = Vec<u8>> + Send,
{
    let stands = async |word: &str| at_rest().await.windows(word.len()).any(|found| found == word.as_bytes());
    let [old, new, index] = [(); 3].map(|()| Vault::generate_key().unwrap());
    let before = Arc::new(Vault::new(std::slice::from_ref(&old), &index).unwrap());
    let both = Arc::new(Vault::new(&[new.clone(), old], &index).unwrap());
    let alone = Arc::new(Vault::new(&[new], &index).unwrap());

    let store = open(ContentSeal::Off).await;
    check_keys(&*store, &before).await.unwrap();
    let mut shop = on_the_line(store).await;
    let written = tell(&shop, OPENLY).await;
    assert!(stands(OPENLY).await, "the search itself works");
    let openly = shop.snapshot().await;
    drop(shop.store);

    shop.store = open(ContentSeal::Seal(before)).await;
    assert_eq!(shop.snapshot().await, openly, "what was not sealed is read as it is");
    shop.append(&written).await.unwrap();
    let other = on_the_line(Arc::clone(&shop.store)).await;
    let appended = tell(&other, SEALED).await;
    assert!(!stands(SEALED).await);
    other.append(&appended).await.unwrap();
    let contradiction = JournalEntry { fact: heard(OPENLY), ..appended[1].clone() };
    assert_kind(other.append(&[contradiction]).await, ErrorKind::Conflict);
    let sealed = other.snapshot().await;
    assert!(words(&sealed).matches(SEALED).count() > 10, "{}", words(&sealed));
    assert_eq!(words(&sealed), words(&openly).replace(OPENLY, SEALED), "sealing changes nothing for who has the key");
    assert_eq!(topics(&other).await, [(SEALED.to_owned(), 2), ("kaffe".to_owned(), 1), ("personal".to_owned(), 1)]);
    let waiting = other.store.unanalysed_calls(after(0), 10).await.unwrap();
    assert!(waiting.is_empty(), "both were analysed");
    drop((shop.store, other.store));

    let store = open(ContentSeal::Seal(Arc::clone(&both))).await;
    let done = rekey(&store, &[&SealedSurvey(&*store)], &both).await.unwrap();
    assert!(done.content > 20 && done.is_complete(), "{done:?}");
    assert!(!stands(OPENLY).await && !stands(SEALED).await, "what was not sealed is now");
    assert_eq!(rekey(&store, &[&SealedSurvey(&*store)], &both).await.unwrap().content, 0, "once is enough");
    drop(store);

    shop.store = open(ContentSeal::Seal(Arc::clone(&alone))).await;
    let other = Shop { tenant: other.tenant, session: other.session, store: Arc::clone(&shop.store) };
    assert_eq!((shop.snapshot().await, other.snapshot().await), (openly, sealed), "the old key is not needed");
    drop((shop.store, other.store));

    let stays = (other.tenant, other.session);
    assert_kind(open(ContentSeal::Off).await.journal(stays.0, stays.1).await, ErrorKind::Internal);
    let store = open(ContentSeal::Open(Arc::clone(&alone))).await;
    let other = Shop { tenant: stays.0, session: stays.1, store: Arc::clone(&store) };
    assert!(
        words(&other.snapshot().await).contains(SEALED),
        "without the option it is read, and without a key it is not"
    );
    rekey(&store, &[&SealedSurvey(&*store)], &alone).await.unwrap();
    assert!(stands(SEALED).await, "switched off, it is written as it is");
    drop((other.store, store));
    assert!(open(ContentSeal::Off).await.journal(stays.0, stays.1).await.is_ok());
}

/// A shop with somebody on the line whose number is withheld: it has nothing sealed but content.
async fn on_the_line(store: Arc<dyn WholeStore>) -> Shop {
    let new = NewSession::inbound(TenantId::new(), None, after(0));
    store.create_session(&new).await.unwrap();
    let shop = Shop { store, tenant: new.tenant, session: new.id };
    shop.connect().await;
    shop
}

/// Everything of which a store keeps words, with this one in each; returns what was appended.
async fn tell(shop: &Shop, word: &str) -> Vec<JournalEntry> {
    let (one, two) = (QuestionId::new(), QuestionId::new());
    let said = Fact::Said {
        utterance: voicecall_core::dialogue::UtteranceId(1),
        heard: word.to_owned(),
        unheard: word.to_owned(),
        from: CallTime::ZERO,
        until: CallTime::ZERO,
        estimated: false,
    };
    let analysis = json!({ "topics": [word], "summary": word });
    let call = ToolCallId(1);
    let facts = [
        said,
        heard(word),
        Fact::Disclosed { text: word.to_owned() },
        Fact::CallBack { not_before: None, not_after: None, when: word.to_owned() },
        Fact::Custom { kind: "shop.note".into(), data: json!({ "note": word }), personal: true },
        SurveyFact::Asked { question: one, text: word.to_owned() }.into(),
        answered(one, word).into(),
        answered(one, word).into(),
        SurveyFact::Analysed { question: one, sentiment: Some(0.5), analysis: analysis.clone() }.into(),
        Fact::ToolCalled {
            call,
            key: "key".to_owned(),
            name: "order".to_owned(),
            effect: ToolEffect::None,
            arguments: Some(json!({ "what": word })),
        },
        Fact::ToolReturned { call, state: ToolState::Returned, outcome: Some(ToolOutcome::Returned(json!(word))) },
        SurveyFact::Asked { question: two, text: "Hur var besöket?".to_owned() }.into(),
    ];
    let entries: Vec<_> = (1..).zip(facts).map(|(seq, fact)| shop.entry(seq, fact)).collect();
    shop.append(&entries).await.unwrap();
    let what = CallAttachment {
        transcript: Some(word.to_owned()),
        analysis: Some(analysis.clone()),
        ..CallAttachment::default()
    };
    shop.store.attach_to_call(shop.tenant, shop.session, &what, after(20)).await.unwrap();
    let mut reported = response(shop, two, 0.5);
    reported.text = word.to_owned();
    reported.analysis = Some(json!({ "topics": [word, "kaffe", "personal"] }));
    let end = SessionChange::Ended { reason: EndReason::Completed, source: EventSource::System, at: after(65) };
    shop.store.complete_call(shop.tenant, shop.session, &end, &[reported]).await.unwrap();
    entries
}

/// What is read of a session, without what tells it from another.
fn words(snapshot: &Snapshot) -> String {
    let record = &snapshot.call.record;
    let responses = record.responses.iter().map(|answer| {
        let Value::String(text) = json!(answer.text) else { return Value::Null };
        json!([answer.question_text, text, answer.analysis])
    });
    let facts = snapshot.journal.iter().map(|entry| match &entry.fact {
        Fact::Custom { data, .. } => {
            let mut data = data.clone();
            data.as_object_mut().map(|data| data.remove("question"));
            data
        }
        fact => serde_json::to_value(fact).unwrap(),
    });
    json!([record.transcript, record.analysis, responses.collect::<Vec<_>>(), facts.collect::<Vec<_>>()]).to_string()
}

/// What the questions of a shop are about, added up.
async fn topics(shop: &Shop) -> Vec<(String, u64)> {
    let day = after(0).to_zoned(TimeZone::UTC).date();
    let range = ReportRange::new(day, day, &TimeZone::UTC).unwrap();
    let mut topics = std::collections::BTreeMap::new();
    for (topic, count) in
        shop.store.report(shop.tenant, &range).await.unwrap().questions.into_iter().flat_map(|q| q.topics)
    {
        *topics.entry(topic).or_insert(0) += count;
    }
    let mut topics: Vec<_> = topics.into_iter().collect();
    topics.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    topics
}
