//! Rules of counting.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use voicecall_core::TenantId;
use voicecall_core::store::{Attachment, EndReason, EventSource, NewSession, SessionChange};

use super::WholeStore;
use super::fixture::{Shop, after, new_session, response};
use crate::store::{Mean, QuestionId, ReportRange, SurveyFact, Tally};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// A session of `tenant` that began a number of days later than the others, connected, asked `asked` and ended.
async fn held(
    store: &Arc<dyn WholeStore>,
    tenant: TenantId,
    days: i32,
    asked: &[QuestionId],
    sentiment: Option<f32>,
) -> Shop {
    let new = NewSession { started_at: after(0) + DAY * days, ..new_session(tenant) };
    let session = store.create_session(&new).await.unwrap().id;
    let shop = Shop { store: Arc::clone(store), tenant, session };
    shop.connect().await;
    for (place, &question) in asked.iter().enumerate() {
        let fact = SurveyFact::Asked { question, text: "Hur var besöket?".to_owned() };
        shop.append(&[shop.entry(place as u64 + 1, fact)]).await.unwrap();
    }
    let what = Attachment { cost_micros: Some(1000), ..Attachment::default() };
    shop.change(&SessionChange::Attach { what, at: after(60) }).await.unwrap();
    let end = SessionChange::Ended { reason: EndReason::Completed, source: EventSource::System, at: after(65) };
    let answers: Vec<_> =
        asked.first().zip(sentiment).map(|(&asked, mood)| response(&shop, asked, mood)).into_iter().collect();
    store.complete_call(tenant, session, &end, &answers).await.unwrap();
    shop
}

pub(super) async fn a_report_counts_each_day_and_each_question(store: Arc<dyn WholeStore>) {
    let (tenant, [one, two]) = (TenantId::new(), [QuestionId::new(), QuestionId::new()]);
    held(&store, tenant, 0, &[one, two], Some(0.5)).await;
    held(&store, tenant, 0, &[one, two, one], Some(-0.25)).await;
    held(&store, tenant, 2, &[two], None).await;
    held(&store, tenant, 9, &[two], Some(1.0)).await;
    held(&store, TenantId::new(), 0, &[one], Some(1.0)).await;
    let busy = store.create_session(&NewSession { started_at: after(5), ..new_session(tenant) }).await.unwrap();
    let end = SessionChange::Ended { reason: EndReason::Busy, source: EventSource::Telephony, at: after(9) };
    store.change_session(tenant, busy.id, &end).await.unwrap();
    let first = day(after(0));
    let range = ReportRange::new(first, day(after(0) + DAY * 2), &TimeZone::UTC).unwrap();

    let report = store.report(tenant, &range).await.unwrap();

    let minute = std::time::Duration::from_secs(60);
    let expected = Tally {
        calls: 3,
        answered: 2,
        completed: 2,
        failed: 1,
        on_the_line: minute * 2,
        cost_micros: 2000,
        sentiment: Mean { sum: 0.25, count: 2 },
    };
    assert_eq!(report.days.len(), 3);
    assert_eq!(report.days[0], (first, expected));
    assert_eq!(report.days[1].1, Tally::default());
    assert_eq!((report.days[2].1.calls, report.total().calls), (1, 4));
    assert_eq!(report.end_reasons, [(EndReason::Completed, 3), (EndReason::Busy, 1)]);
    let asked: Vec<_> = report.questions.iter().map(|tally| (tally.question, tally.asked, tally.answered)).collect();
    assert_eq!(asked, [(two, 3, 0), (one, 2, 2)]);
    assert_eq!(report.questions[1].sentiment, Mean { sum: 0.25, count: 2 });
    let topics = [("kaffe".to_owned(), 2), ("personal".to_owned(), 2)];
    assert_eq!(report.questions[1].topics, topics);

    let about = store.report(tenant, &range.about(one)).await.unwrap();
    assert_eq!((about.total().calls, about.questions.len(), about.questions[0].asked), (2, 1, 2));
    assert_eq!(about.end_reasons, [(EndReason::Completed, 2)]);
}
