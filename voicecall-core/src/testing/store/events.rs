//! Rules of a session's timeline.

use std::sync::Arc;

use super::fixture::{Shop, after, assert_kind, connecting};
use crate::error::ErrorKind;
use crate::store::{EngineStore, EventKind, EventSource, PageRequest, SessionEvent};

pub(super) async fn events_are_chronological(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let late = SessionEvent {
        metadata: Some(serde_json::json!({ "region": "ie1" })),
        ..SessionEvent::new(shop.session, EventKind::AiConnected, EventSource::Ai, after(30))
            .with_data(serde_json::json!({ "attempt": 1, "parts": [null, true, "å"] }))
    };
    let early = SessionEvent::new(shop.session, EventKind::new("parcel_weighed"), EventSource::System, after(10));
    shop.store.append_event(shop.tenant, &late).await.unwrap();
    shop.store.append_event(shop.tenant, &early).await.unwrap();
    shop.change(&connecting()).await.unwrap();
    shop.append(&[shop.entry(1, crate::journal::Fact::Connected)]).await.unwrap();
    let events = shop.events().await;
    assert_eq!(events[1], late, "reads back as written");
    assert_eq!(events[2], SessionEvent { at: after(30), ..early });
    let times: Vec<_> = events.iter().map(|event| event.at).collect();
    assert_eq!(times, [after(0), after(30), after(30), after(30), after(30)]);
}

pub(super) async fn events_come_in_pages(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    for second in 1..=24 {
        let event = SessionEvent::new(shop.session, EventKind::WarningSent, EventSource::System, after(second));
        shop.store.append_event(shop.tenant, &event).await.unwrap();
    }
    let all = shop.events().await;
    let read =
        async |page, per_page| shop.store.events(shop.tenant, shop.session, PageRequest { page, per_page }).await;
    let third = read(3, 10).await.unwrap();
    assert_eq!((third.total, third.items.as_slice()), (25, &all[20..]));
    let beyond = read(u32::MAX, 100).await.unwrap();
    assert_eq!((beyond.total, beyond.items.len()), (25, 0));
    for (page, per_page) in [(0, 10), (1, 0), (1, 101)] {
        assert_kind(read(page, per_page).await, ErrorKind::Invalid);
    }
}

pub(super) async fn an_event_is_stored_once(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let event = SessionEvent::new(shop.session, EventKind::WarningSent, EventSource::System, after(1));
    shop.store.append_event(shop.tenant, &event).await.unwrap();
    assert_kind(shop.store.append_event(shop.tenant, &event).await, ErrorKind::Conflict);
    assert_eq!(shop.events().await.len(), 2);
}
