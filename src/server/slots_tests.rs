//! Who gives way to whom.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

fn client(last: u8) -> Option<Client> {
    Some(Client::new([192, 0, 2, last].into()))
}

fn open(slots: &Arc<Slots>, last: u8) -> Slot {
    slots.open(client(last)).expect("a slot").0
}

fn gives_way(slots: &[&Slot]) -> Vec<bool> {
    slots.iter().map(|slot| slot.gives_way().is_cancelled()).collect()
}

#[test]
fn the_oldest_connection_that_is_waited_for_gives_way_to_a_new_one() {
    let slots = Slots::new(2, 10);
    let (first, second) = (open(&slots, 1), open(&slots, 2));
    assert_eq!(gives_way(&[&first, &second]), [false, false]);

    let third = open(&slots, 3);

    assert_eq!(gives_way(&[&first, &second, &third]), [true, false, false]);
}

#[test]
fn a_client_may_have_as_many_as_it_likes_if_there_is_no_limit() {
    let slots = Slots::new(10, usize::MAX);
    let (first, second) = (open(&slots, 1), open(&slots, 1));
    assert_eq!(gives_way(&[&first, &second]), [false, false]);
}

#[test]
fn whoever_goes_on_asking_does_not_push_out_who_has_just_come() {
    let slots = Slots::new(2, 10);
    let (stranger, newcomer) = (open(&slots, 1), open(&slots, 2));
    stranger.begin(client(1));
    stranger.busy();
    stranger.answered(client(1));

    let third = open(&slots, 3);

    assert_eq!(gives_way(&[&stranger, &newcomer, &third]), [true, false, false]);
}

#[test]
fn nobody_gives_way_while_handled_or_once_authenticated() {
    let slots = Slots::new(2, 10);
    let (call, handled) = (open(&slots, 1), open(&slots, 2));
    call.begin(client(1));
    call.authenticated();
    call.answered(client(1));
    handled.begin(client(2));
    handled.busy();

    assert!(slots.open(client(3)).is_none(), "neither may be closed for it");
    assert_eq!(gives_way(&[&call, &handled]), [false, false]);
}

#[test]
fn what_one_request_proved_does_not_hold_for_the_next() {
    let slots = Slots::new(1, 10);
    let connection = open(&slots, 1);
    connection.begin(client(1));
    connection.authenticated();
    connection.begin(client(1));
    let _newer = open(&slots, 2);
    assert_eq!(gives_way(&[&connection]), [true]);
}

#[test]
fn a_client_with_too_many_loses_its_own() {
    let slots = Slots::new(10, 2);
    let other = open(&slots, 1);
    let own = [open(&slots, 2), open(&slots, 2), open(&slots, 2), open(&slots, 2)];
    assert_eq!(gives_way(&[&other]), [false]);
    assert_eq!(gives_way(&own.iter().collect::<Vec<_>>()), [true, true, false, false]);
}

#[test]
fn at_both_limits_one_connection_gives_way_and_not_two() {
    let slots = Slots::new(3, 2);
    let (other, first, second) = (open(&slots, 1), open(&slots, 2), open(&slots, 2));
    let third = open(&slots, 2);
    assert_eq!(gives_way(&[&other, &first, &second, &third]), [false, true, false, false]);
}

#[test]
fn a_client_that_is_not_known_counts_among_all_only() {
    let slots = Slots::new(3, 1);
    let proxied: Vec<Slot> = (0..3).filter_map(|_| slots.open(None)).map(|(slot, _)| slot).collect();
    assert_eq!(gives_way(&proxied.iter().collect::<Vec<_>>()), [false, false, false]);

    // Request by request it is known.
    proxied[0].begin(client(1));
    proxied[1].begin(client(1));

    assert_eq!(gives_way(&proxied.iter().collect::<Vec<_>>()), [true, false, false]);
}

#[test]
fn a_closed_connection_leaves_nothing_behind() {
    let slots = Slots::new(2, 1);
    for n in 0..100 {
        let (first, second) = (open(&slots, 1), open(&slots, 1));
        first.busy();
        second.begin(client(n));
        second.authenticated();
    }
    let state = slots.state();
    assert_eq!((state.open.len(), state.leaving, state.waiting.len(), state.clients.len()), (0, 0, 0, 0));
}

#[tokio::test]
async fn slots_are_settled_when_whoever_gave_way_has_closed() {
    let slots = Slots::new(1, 10);
    let first = open(&slots, 1);
    slots.settled().await;
    let _second = open(&slots, 2);
    let settled = slots.settled();
    tokio::pin!(settled);
    assert!(timeout(Duration::ZERO, &mut settled).await.is_err(), "two are open still");
    drop(first);
    settled.await;
}
