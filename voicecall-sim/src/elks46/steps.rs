//! What a call does, action by action.

use std::time::Duration;

use super::action::{Action, Next, What};
use super::line::Line;
use super::socket::SocketEnd;
use super::webhooks::ask;
use crate::phone::{Answer, Ring};

/// Actions one call carries out at most: an application that goes round in circles is cut off.
const MOST_ACTIONS: usize = 50;

/// How long a file, a sentence and a connection to somebody else take.
const SOUNDS: Duration = Duration::from_secs(1);

/// How long a silence is that ends a message.
const SILENCE: Duration = Duration::from_secs(3);

/// How an action ended.
enum Done {
    /// What follows is told this.
    With(String),
    /// What follows is this, and is told that.
    Otherwise(Option<Next>, String),
    /// The call is over.
    Over,
}

impl Line {
    /// Carries out actions until there is none any more.
    pub(super) async fn follow(&mut self, first: Next, result: &str) {
        let (mut next, mut result) = (Some(first), result.to_owned());
        for _ in 0..MOST_ACTIONS {
            let action = match next.take() {
                None => return,
                Some(Next::Do(action)) => Some(*action),
                Some(Next::Ask(url)) => ask(&self.shared, self.index, &url, &self.form(&result)).await,
            };
            let Some(action) = action else { return };
            if let Some(url) = action.whenhangup.clone() {
                // The last one counts.
                self.call(|call| call.whenhangup = Some(url));
            }
            if action.recordcall.is_some() {
                self.recordcall.clone_from(&action.recordcall);
            }
            let follows = action.next.clone();
            match self.carry_out(action).await {
                Done::With(told) => (next, result) = (follows, told),
                Done::Otherwise(other, told) => (next, result) = (other.or(follows), told),
                Done::Over => return,
            }
        }
    }

    async fn carry_out(&mut self, action: Action) -> Done {
        let success = || "success".to_owned();
        match action.what {
            What::Hangup(how) => {
                self.call(|call| call.hangup = Some(how));
                Done::Over
            }
            What::Play(what) => {
                self.call(|call| match what.strip_prefix("en_US/") {
                    Some(text) => call.said.push(text.to_owned()),
                    None => call.played.push(what),
                });
                if self.pass(SOUNDS, 0).await.1 { Done::With(success()) } else { Done::Over }
            }
            What::Ivr { digits, timeout } => {
                let (keys, goes_on) = self.pass(Duration::from_secs(timeout), digits).await;
                let none = self.shared.options.unconfirmed.no_keys_result;
                match goes_on {
                    true if keys.is_empty() => Done::With(none.to_owned()),
                    true => Done::With(keys),
                    false => Done::Over,
                }
            }
            What::Record { told, limit } => {
                // Whoever speaks is taken to have done so within the silence that ends it.
                let goes_on = self.pass(SILENCE.min(Duration::from_secs(limit)), 0).await.1;
                self.keep(&told, &[0; 8000]);
                if goes_on { Done::With(success()) } else { Done::Over }
            }
            What::Connect { numbers, busy, failed } => self.connect(&numbers, busy, failed).await,
        }
    }

    async fn connect(&mut self, numbers: &[String], busy: Option<Next>, failed: Option<Next>) -> Done {
        let field = self.shared.options.unconfirmed.socket_field;
        let socket = self.shared.with(|state| {
            let known = state.numbers.iter().find(|number| number.is_websocket && numbers.contains(&number.number));
            known.map(|number| (number.number.clone(), number.socket(field).map(str::to_owned)))
        });
        let Some((number, url)) = socket else { return self.dial(numbers, busy, failed).await };
        let end = match url {
            Some(url) => self.stream(&number, &url).await,
            None => SocketEnd::Refused,
        };
        let unconfirmed = self.shared.options.unconfirmed.clone();
        match end {
            SocketEnd::HungUp => Done::Over,
            SocketEnd::Refused => Done::Otherwise(busy, "busy".to_owned()),
            SocketEnd::Closed if unconfirmed.next_after_socket => Done::With("success".to_owned()),
            SocketEnd::Lost if unconfirmed.next_after_loss => Done::Otherwise(failed, "failed".to_owned()),
            SocketEnd::Closed | SocketEnd::Lost | SocketEnd::Failed => Done::Over,
        }
    }

    /// Calls others; the first of them that answers is connected for a while.
    async fn dial(&mut self, numbers: &[String], busy: Option<Next>, failed: Option<Next>) -> Done {
        let from = self.call(|call| call.from.clone().unwrap_or_default());
        let mut is_busy = false;
        for number in numbers {
            let ring = Ring::new(number.as_str(), from.as_str(), 0);
            match self.shared.person(&ring).answer(&ring) {
                Answer::After(rings) => {
                    self.call(|call| call.connected.push(number.clone()));
                    if !self.pass(rings + SOUNDS, 0).await.1 {
                        return Done::Over;
                    }
                    return Done::With("success".to_owned());
                }
                Answer::Busy => is_busy = true,
                Answer::Never | Answer::Unreachable => {}
            }
        }
        match is_busy {
            true => Done::Otherwise(busy, "busy".to_owned()),
            false => Done::Otherwise(failed, "failed".to_owned()),
        }
    }
}
