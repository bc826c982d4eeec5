//! A conversation by text: what the person writes, and what they get.

use tokio::time::timeout;
use voicecall_core::{Error, ErrorKind, Result};

use super::{OURS, THEIRS, WITHIN};
use crate::scenario::MessageStep;
use crate::twilio::server::TwilioServer;

/// How many messages of the application the person has read.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    read: usize,
}

impl Inbox {
    /// Writes a message and waits for its answer, and prints both.
    ///
    /// # Errors
    /// `Unavailable` if the application takes no messages, or does not answer.
    pub(super) async fn exchange(&mut self, twilio: &TwilioServer, step: &MessageStep) -> Result<()> {
        let over = step.over;
        println!("person ({}): {}", over.as_str(), step.text);
        let unavailable = |what| Error::new(ErrorKind::Unavailable, what);
        let written = twilio.text_in(&over.address(THEIRS), &over.address(OURS), &step.text, Vec::new());
        written.ok_or_else(|| unavailable("write to the application"))?;
        let wanted = |body: &str| step.answer.as_ref().is_none_or(|answer| body.contains(answer.as_str()));
        let (to, read) = (over.address(THEIRS), self.read);
        let answers = twilio.until(move |exchange| {
            let ours = exchange.messages().iter().filter(|message| !message.is_incoming).skip(read);
            let answers: Vec<_> = ours.filter(|message| message.to == to).map(|message| message.body.clone()).collect();
            answers.iter().any(|body| wanted(body)).then_some(answers)
        });
        let answers = timeout(WITHIN, answers).await.map_err(|_| unavailable("wait for an answer"))?;
        self.read += answers.len();
        for answer in answers {
            println!("agent ({}):  {answer}", over.as_str());
        }
        Ok(())
    }
}
