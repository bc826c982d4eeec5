//! Taking personal data out of what one session left: by rules, with what a model points out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::warn;
use voicecall::store::Session;
use voicecall::survey::analysis::{Proposal, anonymise_json_with, anonymise_with, proposals};
use voicecall::survey::store::{Anonymised, CallResponse, SurveyCall};
use voicecall::{Error, ErrorKind, Result};

use super::Dependencies;
use crate::price;

/// How long a session waits for a model that does not answer. After that the rules have to do.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// How long the model may think about one piece of text, and how many characters a piece has at most: as a call has.
const WITHIN: Duration = Duration::from_secs(30);
const PIECE: usize = 6_000;

/// Anonymises sessions in one run of the job.
#[derive(Debug)]
pub(super) struct Anonymiser<'a> {
    dependencies: &'a Dependencies,
    before: Timestamp,
    /// The model has not answered in this run: it is not asked again.
    is_away: AtomicBool,
}

impl<'a> Anonymiser<'a> {
    /// For sessions that ended before `before`.
    pub(super) const fn new(dependencies: &'a Dependencies, before: Timestamp) -> Self {
        Self { dependencies, before, is_away: AtomicBool::new(false) }
    }

    /// Replaces the texts of a session's call.
    ///
    /// # Errors
    /// The model's failure, unless the session has waited for it long enough; what the store reports.
    pub(super) async fn anonymise(&self, session: &Session) -> Result<()> {
        let store = &self.dependencies.store;
        let call = store.call(session.tenant, session.id).await?;
        let found = match self.ask(&call).await {
            Ok(found) => found,
            Err(error) if self.has_waited(session) => {
                warn!(session = %session.id, %error, "a session is anonymised by rules alone");
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let without = |text: &str| anonymise_with(text, &found).into_owned();
        let SurveyCall { record, transcript, .. } = call;
        let responses = record.responses.into_iter().map(|response| CallResponse {
            text: without(&response.text),
            analysis: response.analysis.as_ref().map(|analysis| anonymise_json_with(analysis, &found)),
            ..response
        });
        let texts = Anonymised {
            transcript: transcript.as_deref().map(without),
            analysis: record.analysis.as_ref().map(|analysis| anonymise_json_with(analysis, &found)),
            responses: responses.collect(),
            at: self.dependencies.clock.now(),
        };
        store.anonymise_call(session.tenant, session.id, &texts).await
    }

    fn has_waited(&self, session: &Session) -> bool {
        session.ended_at.is_some_and(|ended| self.before.duration_since(ended) > PATIENCE)
    }

    /// What the model takes for personal data in all that was said.
    async fn ask(&self, call: &SurveyCall) -> Result<Vec<Proposal>> {
        let texts = call.transcript.iter().chain(call.record.responses.iter().map(|response| &response.text));
        let mut found = Vec::new();
        for piece in pieces(texts.map(String::as_str)) {
            if self.is_away.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Unavailable, "find personal data").with_message("the model is away"));
            }
            let proposed = proposals(&*self.dependencies.model, &piece, WITHIN).await;
            price::charge(&*self.dependencies.store, &call.session, proposed.usage, self.dependencies.clock.now())
                .await?;
            let proposed = proposed.proposals.inspect_err(|error| {
                self.is_away.fetch_or(error.is_retryable(), Ordering::Relaxed);
            })?;
            found.extend(proposed);
        }
        Ok(found)
    }
}

/// The lines of all texts, together, in pieces a model can read at once.
fn pieces<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let (mut piece, mut length) = (String::new(), 0);
    for line in texts.flat_map(str::lines).filter(|line| !line.trim().is_empty()) {
        for char in line.chars().chain(['\n']) {
            piece.push(char);
            length += 1;
            // A text without lines is cut between words.
            if length >= PIECE && char.is_whitespace() || length >= 2 * PIECE {
                pieces.push(std::mem::take(&mut piece));
                length = 0;
            }
        }
    }
    pieces.extend(Some(piece).filter(|piece| !piece.is_empty()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_pieces_between_words() {
        assert_eq!(pieces(["caller: Hej", "", "Bra\nTack"].into_iter()), ["caller: Hej\nBra\nTack\n"]);
        assert_eq!(pieces(std::iter::empty()), [""; 0]);
        let long = "kaffe ".repeat(2_500);
        let cut = pieces(std::iter::once(long.as_str()));
        assert_eq!(cut.len(), 3);
        assert_eq!(cut.concat().trim_end(), long.trim_end());
        assert!(cut.iter().all(|piece| piece.chars().count() <= PIECE && piece.starts_with("kaffe")));
        assert_eq!(pieces(std::iter::once("å".repeat(20_000).as_str())).len(), 2, "one word has to be cut somewhere");
    }
}
