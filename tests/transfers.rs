//! Calls that are passed on to somebody who hears of them first, at the emulated Twilio over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod emulated;

use std::time::Duration;

use tokio::net::TcpListener;
use voicecall::CallTime;
use voicecall::carrier::Say;
use voicecall::dialogue::{Action, Dialogue, DialogueEvent, Utterance, UtteranceId};
use voicecall::engine::LiveEventKind;
use voicecall::journal::{JournalEntry, open_offer};
use voicecall::store::EndReason;
use voicecall::{IncomingDecision, PhoneNumber, Server};
use voicecall_sim::phone::{HangsUp, Party, PressesKeys, Ring};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, LogEntry, LogEvent, Number};

use emulated::{ACCOUNT, OURS, PUBLIC, THEIRS, TOKEN, agent, party};

const OFFICE: &str = "+46700000002";

/// Passes the caller on at once; tells one who comes back that nobody is there, and ends the call.
#[derive(Debug, Default)]
struct Reception {
    returned: bool,
}

impl Dialogue for Reception {
    fn resume(&mut self, journal: &[JournalEntry]) {
        self.returned = open_offer(journal).is_some();
    }

    fn handle(&mut self, event: &DialogueEvent, _: CallTime, actions: &mut Vec<Action>) {
        let mut say = |text: &str| {
            actions.push(Action::Say(Utterance { id: UtteranceId(1), text: text.to_owned(), interruptible: true }));
        };
        match event {
            DialogueEvent::Connected if !self.returned => {
                say("One moment.");
                let announcement = Some(Say::new("Anna wants a cake. Press 1 to take the call.", "en-US"));
                actions.push(Action::Transfer { to: "office".to_owned(), announcement });
            }
            DialogueEvent::TransferFailed { to } => {
                say(&format!("Nobody is at the {to}."));
                actions.push(Action::End(EndReason::NotAvailable));
            }
            _ => {}
        }
    }

    fn transfer_number(&self, name: &str) -> Option<PhoneNumber> {
        (name == "office").then(|| OFFICE.parse().unwrap())
    }
}

/// Somebody calls, and whoever answers at the office presses `key`. Returns how the session ended, and the carrier's log.
async fn passed_on(key: char) -> (EndReason, Vec<LogEntry>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let people = move |ring: &Ring| -> Box<dyn Party> {
        let keys = PressesKeys::new([(Duration::from_millis(500), key)]);
        if ring.to == OFFICE { Box::new(HangsUp { party: keys, at: Duration::from_secs(2) }) } else { party() }
    };
    let number = Number::answered_by(OURS, format!("{PUBLIC}/voice/twilio/incoming"));
    let account = Account::new(ACCOUNT, TOKEN, vec![number]);
    let exchange = Exchange::new(ExchangeOptions::new(1, vec![account]), people);
    let twilio = emulated::serve(listener.local_addr().unwrap(), exchange).await;
    let server = Server::builder()
        .carrier(emulated::carrier(&twilio, TOKEN))
        .number(OURS)
        .agent(agent())
        .public_url(PUBLIC)
        .on_incoming(async |_| Ok(IncomingDecision::connect(Reception::default())))
        .build()
        .unwrap();
    let mut events = server.engine().subscribe();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(server.serve_on(listener, async {
        let _ = stopped.await;
    }));
    twilio.call_in(THEIRS, OURS, party()).unwrap();
    let reason = loop {
        if let LiveEventKind::Ended { reason, .. } = events.recv().await.unwrap().kind {
            break reason;
        }
    };
    twilio.until(|exchange| (exchange.live_calls() == 0).then_some(())).await;
    let log = twilio.log();
    let _ = stop.send(());
    served.await.unwrap().unwrap();
    (reason, log)
}

fn count(log: &[LogEntry], is_it: impl Fn(&LogEvent) -> bool) -> usize {
    log.iter().filter(|entry| is_it(&entry.event)).count()
}

fn speaks_to_the_office(event: &LogEvent) -> bool {
    matches!(event, LogEvent::Twiml { document } if document.contains("<Gather") && document.contains("Anna wants a cake."))
}

/// What Twilio warns of, but for sockets that we close at the end of a call.
fn is_trouble(event: &LogEvent) -> bool {
    matches!(event, LogEvent::Warning { code, .. } if *code != 31921)
}

#[tokio::test]
async fn whoever_answers_hears_who_calls_and_is_connected_when_they_press_one() {
    let (reason, log) = passed_on('1').await;
    assert_eq!(reason, EndReason::Completed);
    assert_eq!(count(&log, speaks_to_the_office), 1);
    assert_eq!(count(&log, |event| matches!(event, LogEvent::Bridged { .. })), 1);
    assert_eq!(count(&log, is_trouble), 0, "{log:#?}");
}

#[tokio::test]
async fn a_caller_whom_they_leave_comes_back_and_is_told() {
    let (reason, log) = passed_on('2').await;
    assert_eq!(reason, EndReason::NotAvailable, "as the dialogue said");
    assert_eq!(count(&log, speaks_to_the_office), 1);
    assert_eq!(count(&log, |event| matches!(event, LogEvent::Bridged { .. })), 0);
    let streams = |event: &LogEvent| matches!(event, LogEvent::Twiml { document } if document.contains("<Stream"));
    assert_eq!(count(&log, streams), 2, "once more");
    assert_eq!(count(&log, is_trouble), 0, "{log:#?}");
}
