//! Rules of what follows from journal entries.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use voicecall_core::journal::Fact;
use voicecall_core::store::EventSource;
use voicecall_core::{CallTime, ErrorKind};

use super::WholeStore;
use super::fixture::{Shop, after, answered, assert_kind};
use crate::store::{QuestionId, RESPONSE_RECEIVED, SurveyFact};

pub(super) async fn an_answer_becomes_a_response(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let question = QuestionId::new();
    shop.append(&[shop.entry(1, answered(question, "Bra"))]).await.unwrap();
    let responses = shop.responses().await;
    let [response] = responses.as_slice() else { panic!("{responses:?}") };
    assert_eq!((response.session, response.question), (shop.session, question));
    assert_eq!((response.question_text.as_str(), response.text.as_str()), ("Hur var besöket?", "Bra"));
    assert_eq!(response.duration, Duration::from_millis(2345));
    assert_eq!((response.confidence, response.sentiment), (Some(0.75), None));
    assert_eq!((response.asked_at, response.responded_at), (after(0), Some(after(1))));
    assert_eq!(response.analysis, None);
    let event = shop.events().await.pop().unwrap();
    assert_eq!((event.kind, event.source), (RESPONSE_RECEIVED, EventSource::Person));
    assert_eq!(event.data, json!({ "questionId": question }));
}

pub(super) async fn a_later_answer_adds_to_the_earlier(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let (question, other) = (QuestionId::new(), QuestionId::new());
    let later = SurveyFact::Answered {
        question,
        question_text: "Vad var bäst?".to_owned(),
        text: "men dyrt".to_owned(),
        spoken: Duration::from_secs(59),
        confidence: Some(0.5),
        asked_at: CallTime::from_millis(2000),
        responded_at: CallTime::from_millis(3000),
    };
    shop.append(&[shop.entry(1, answered(question, "Bra")), shop.entry(2, answered(other, "Ja"))]).await.unwrap();
    shop.append(&[shop.entry(3, later)]).await.unwrap();
    let responses = shop.responses().await;
    assert_eq!(responses.len(), 2);
    assert_eq!((responses[0].text.as_str(), responses[1].text.as_str()), ("Bra men dyrt", "Ja"));
    assert_eq!(responses[0].duration, Duration::from_secs(60), "no longer than a response may be");
    assert_eq!(responses[0].confidence, Some(0.5));
    assert_eq!((responses[0].asked_at, responses[0].responded_at), (after(0), Some(after(3))));
}

pub(super) async fn an_analysis_joins_its_answer(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let (question, never_answered) = (QuestionId::new(), QuestionId::new());
    let analysed =
        |question, sentiment, topic| SurveyFact::Analysed { question, sentiment, analysis: json!({ "topic": topic }) };
    shop.append(&[
        shop.entry(1, answered(question, "Bra")),
        shop.entry(2, analysed(question, Some(-0.5), "price")),
        shop.entry(3, analysed(never_answered, Some(1.0), "staff")),
    ])
    .await
    .unwrap();
    let responses = shop.responses().await;
    assert_eq!(responses.len(), 1, "an analysis makes no answer");
    assert_eq!(responses[0].sentiment, Some(-0.5));
    shop.append(&[shop.entry(4, analysed(question, None, "queue"))]).await.unwrap();
    let response = shop.responses().await.remove(0);
    assert_eq!((response.sentiment, response.analysis), (Some(-0.5), Some(json!({ "topic": "queue" }))));
}

pub(super) async fn asked_questions_are_kept_in_order(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let (one, two) = (QuestionId::new(), QuestionId::new());
    for (seq, question) in (1..).zip([one, one, two, one]) {
        let asked = SurveyFact::Asked { question, text: "Hur var besöket?".to_owned() };
        shop.append(&[shop.entry(seq, asked)]).await.unwrap();
    }
    let call = shop.read().await;
    assert_eq!(call.record.questions_asked, [one, two, one]);
    assert_eq!(call.updated_at(), after(4));
}

pub(super) async fn scores_out_of_range_do_not_lose_the_answer(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let question = QuestionId::new();
    let answer = |confidence| SurveyFact::Answered {
        question,
        question_text: "Hur var besöket?".to_owned(),
        text: "Bra".to_owned(),
        spoken: Duration::from_secs(3600),
        confidence,
        asked_at: CallTime::from_millis(1000),
        responded_at: CallTime::ZERO,
    };
    let analysed = |sentiment| SurveyFact::Analysed { question, sentiment: Some(sentiment), analysis: json!(null) };
    shop.append(&[
        shop.entry(1, answer(Some(7.0))),
        shop.entry(2, answer(Some(f32::NAN))),
        shop.entry(3, analysed(-3.0)),
        shop.entry(4, analysed(f32::NAN)),
    ])
    .await
    .unwrap();
    let response = shop.responses().await.remove(0);
    assert_eq!((response.text.as_str(), response.confidence), ("Bra Bra", Some(1.0)));
    assert_eq!(response.sentiment, Some(-1.0));
}

pub(super) async fn a_repeated_append_adds_nothing(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let question = QuestionId::new();
    let entries = [
        shop.entry(1, Fact::Connected),
        shop.entry(2, SurveyFact::Asked { question, text: "Hur var besöket?".to_owned() }),
        shop.entry(3, answered(question, "Bra")),
        shop.entry(4, answered(question, "tack")),
    ];
    shop.append(&entries[..3]).await.unwrap();
    let before = shop.snapshot().await;
    shop.append(&entries[..3]).await.unwrap();
    assert_eq!(shop.snapshot().await, before);
    // A repeated part of a batch does not keep the rest out, and neither does an entry twice in one batch.
    shop.append(&[entries[2].clone(), entries[3].clone(), entries[3].clone()]).await.unwrap();
    assert_eq!(shop.responses().await[0].text, "Bra tack");
    assert_eq!(shop.events().await.len(), before.events.len() + 1);
}

pub(super) async fn a_fact_that_does_not_read_is_not_stored(store: Arc<dyn WholeStore>) {
    let shop = Shop::open(store).await;
    let before = shop.snapshot().await;
    let question = QuestionId::new();
    let Fact::Custom { kind, .. } = Fact::from(answered(question, "Bra")) else { unreachable!() };
    let broken = Fact::Custom { kind, data: json!({ "question": question }), personal: true };
    let batch = [shop.entry(1, answered(question, "Bra")), shop.entry(2, broken)];
    assert_kind(shop.append(&batch).await, ErrorKind::Invalid);
    assert_eq!(shop.snapshot().await, before, "neither the facts nor the answers that follow from them");
    shop.append(&batch[..1]).await.unwrap();
    assert_eq!(shop.responses().await.len(), 1);
}
