//! A call's second leg: somebody else is called, perhaps asked whether they take the call, and connected or not.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;
use voicecall_core::CarrierCallId;
use voicecall_core::carrier::{CallStatus, CarrierEventKind, Gathered};

use super::line::{Line, SAYS};
use super::people::Colleague;
use super::step::{Dial, Step};

/// How long a colleague's phone rings before they answer, and before the carrier gives up.
const ANSWERS_AFTER: Duration = Duration::from_secs(3);
const RINGS_FOR: Duration = Duration::from_secs(30);

/// What became of a dialled call.
pub(super) enum Dialled {
    /// Its caller, or the service, hung up meanwhile.
    HungUp,
    /// It is over, and nobody is to be asked what follows.
    Over,
    /// It is over, and the service has said what follows.
    Asked(VecDeque<Step>),
}

impl Line {
    /// Calls somebody else. What the two say to each other is not simulated.
    pub(super) async fn dial(&mut self, dial: Dial) -> Dialled {
        let colleague = self.carrier.colleague_at(&dial.number);
        let rings = if colleague == Colleague::Absent { RINGS_FOR } else { ANSWERS_AFTER };
        // Without anybody to ask, whoever is called answers at once.
        let rings = if dial.screening.is_some() { rings } else { Duration::ZERO };
        if self.waits_until(Instant::now() + rings).await.is_none() {
            return Dialled::HungUp;
        }
        let takes = match (&dial.screening, colleague) {
            (None, _) => true,
            (Some(_), Colleague::Absent) => false,
            (Some(screening), colleague) => self.screen(screening, colleague).await,
        };
        if takes {
            self.carrier.note(format_args!("{} is connected to {}", self.id, dial.number));
            self.carrier.change(self.index, |call, _| call.connected_to = Some(dial.number));
            if self.waits_until(Instant::now() + SAYS).await.is_none() {
                return Dialled::HungUp;
            }
        }
        let Some(next) = dial.next else { return Dialled::Over };
        let status = if takes { CallStatus::Completed } else { CallStatus::NoAnswer };
        let ended =
            CarrierEventKind::DialEnded { status, leg: takes.then(|| self.leg()), duration: takes.then_some(SAYS) };
        Dialled::Asked(self.ask_about(&next, ended).await)
    }

    /// Whoever has answered is told what the service says, and decides. Returns whether they take the call.
    async fn screen(&mut self, screening: &str, colleague: Colleague) -> bool {
        let instruct = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
        let mut steps = self.ask_of(self.leg(), screening, instruct).await;
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Say(text) => self.tells(vec![text]).await,
                Step::Gather { says, next } => {
                    self.tells(says).await;
                    if let (Colleague::Takes, Some(next)) = (colleague, next) {
                        let mut gathered = Gathered::default();
                        gathered.digits = Some("1".to_owned());
                        steps = self.ask_of(self.leg(), &next, CarrierEventKind::Gathered(gathered)).await;
                    }
                }
                Step::Pause(length) => tokio::time::sleep(length).await,
                _ => return false,
            }
        }
        true
    }

    async fn tells(&mut self, texts: Vec<String>) {
        for text in texts {
            self.carrier.change(self.index, |call, _| call.announced.push(text));
            tokio::time::sleep(SAYS).await;
        }
    }

    fn leg(&self) -> CarrierCallId {
        CarrierCallId::new(format!("{}-leg", self.id))
    }
}
