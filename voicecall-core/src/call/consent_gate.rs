//! Consent as a gate: what somebody said, and how it sounded, stays in memory until it may be kept, or is dropped at once.

use crate::audio::Frame;
use crate::consent::ConsentToken;
use crate::id::SessionId;
use crate::journal::Fact;
use crate::time::CallTime;

use super::io::{Effect, Output};
use super::settings::Keep;

/// The most audio held before consent: three minutes. A caller who has not decided by then is not recorded from the start.
const LONGEST_TAPE: usize = 3 * 60 * 50;

/// Numbers facts and holds back what needs consent.
#[derive(Debug)]
pub(super) struct ConsentGate {
    session: SessionId,
    /// Nothing waits, because it will never be kept.
    drops: bool,
    open: bool,
    recording: bool,
    /// The caller does not want the sound to be kept.
    sound_declined: bool,
    seq: u64,
    held: Vec<(CallTime, Fact, bool)>,
    tape: Vec<(CallTime, Frame, Frame)>,
    /// Numbers of facts the dialogue journaled, in its order, that are not stored yet.
    of_dialogue: Vec<(u64, u64)>,
    dialogue_facts: u64,
}

impl ConsentGate {
    /// A gate whose first fact has the number `first_seq`.
    pub(super) fn new(session: SessionId, keep: &Keep, recording: bool, first_seq: u64) -> Self {
        let drops = *keep == Keep::Nothing;
        Self {
            session,
            drops,
            open: false,
            recording: recording && !drops,
            sound_declined: false,
            seq: first_seq.saturating_sub(1),
            held: Vec::new(),
            tape: Vec::new(),
            of_dialogue: Vec::new(),
            dialogue_facts: 0,
        }
    }

    /// Journals a fact, now or once there is consent. Returns its number if it is journaled now. What does not wait goes
    /// without its content before there is consent.
    pub(super) fn journal(
        &mut self,
        at: CallTime,
        fact: Fact,
        by_dialogue: bool,
        out: &mut Vec<Output>,
    ) -> Option<u64> {
        if fact.needs_consent() && !self.open {
            if !self.drops {
                self.held.push((at, fact, by_dialogue));
            }
            return None;
        }
        let fact = if self.open { fact } else { fact.without_content() };
        self.seq += 1;
        if by_dialogue {
            self.dialogue_facts += 1;
            self.of_dialogue.push((self.seq, self.dialogue_facts));
        }
        out.push(Output::Journal { seq: self.seq, at, fact });
        Some(self.seq)
    }

    /// The dialogue's number of a fact that is now stored.
    pub(super) fn stored(&mut self, seq: u64) -> Option<u64> {
        let at = self.of_dialogue.iter().position(|(own, _)| *own == seq)?;
        Some(self.of_dialogue.remove(at).1)
    }

    /// Whether a recording is wanted, and so what was played has to be known.
    pub(super) const fn records(&self) -> bool {
        self.recording
    }

    /// Takes in 20 ms of both sides, from `at` on.
    pub(super) fn record(&mut self, at: CallTime, caller: Frame, agent: Frame, out: &mut Vec<Output>) {
        if self.sound_declined {
            return;
        }
        if self.open {
            out.push(Output::Record { at, caller, agent });
        } else if self.tape.len() < LONGEST_TAPE {
            self.tape.push((at, caller, agent));
        }
    }

    /// The caller agreed: everything held so far goes out, in order.
    pub(super) fn grant(&mut self, out: &mut Vec<Output>) {
        self.open(ConsentToken::spoken(self.session), out);
    }

    /// The caller has heard that the call is kept.
    pub(super) fn announced(&mut self, out: &mut Vec<Output>) {
        self.open(ConsentToken::operator_declares_legal_basis(self.session), out);
    }

    fn open(&mut self, token: ConsentToken, out: &mut Vec<Output>) {
        if self.open || self.drops {
            return;
        }
        self.open = true;
        for (at, fact, by_dialogue) in std::mem::take(&mut self.held) {
            self.journal(at, fact, by_dialogue, out);
        }
        if self.recording && !self.sound_declined {
            out.push(Output::Effect(Effect::StartRecording(token)));
            let tape = std::mem::take(&mut self.tape);
            out.extend(tape.into_iter().map(|(at, caller, agent)| Output::Record { at, caller, agent }));
        }
    }

    /// The caller does not want the sound to be kept: none is, from now on.
    pub(super) fn decline_recording(&mut self) {
        self.sound_declined = true;
        self.tape = Vec::new();
    }

    /// The caller took the consent back: from now on words are held as before it, and no sound is kept.
    pub(super) fn withdraw(&mut self) {
        self.open = false;
        self.held = Vec::new();
        self.decline_recording();
    }

    /// The call is over without consent: nothing of it remains.
    pub(super) fn forget(&mut self) {
        if !self.open {
            self.held = Vec::new();
            self.tape = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Fact {
        Fact::Custom { kind: "test.said".into(), data: text.into(), personal: true }
    }

    #[test]
    fn words_wait_for_consent_and_keep_their_order() {
        let mut gate = ConsentGate::new(SessionId::new(), &Keep::AfterConsent, true, 1);
        let mut out = Vec::new();
        gate.journal(CallTime::ZERO, Fact::Connected, false, &mut out);
        gate.journal(CallTime::from_millis(1), said("one"), true, &mut out);
        gate.record(CallTime::ZERO, Frame::SILENCE, Frame::SILENCE, &mut out);
        assert!(matches!(out[..], [Output::Journal { seq: 1, fact: Fact::Connected, .. }]));
        gate.grant(&mut out);
        gate.journal(CallTime::from_millis(2), said("two"), true, &mut out);
        let seqs: Vec<_> = out
            .iter()
            .filter_map(|out| if let Output::Journal { seq, .. } = out { Some(*seq) } else { None })
            .collect();
        assert_eq!(seqs, [1, 2, 3]);
        assert!(matches!(out[2..4], [Output::Effect(Effect::StartRecording(_)), Output::Record { .. }]));
        assert_eq!((gate.stored(3), gate.stored(3), gate.stored(1)), (Some(2), None, None));
    }

    #[test]
    fn numbers_go_on_where_an_earlier_connection_stopped() {
        let mut gate = ConsentGate::new(SessionId::new(), &Keep::AfterConsent, true, 41);
        let mut out = Vec::new();
        gate.journal(CallTime::ZERO, Fact::Resumed, false, &mut out);
        gate.grant(&mut out);
        gate.journal(CallTime::ZERO, said("one"), true, &mut out);
        assert!(matches!(out[0], Output::Journal { seq: 41, fact: Fact::Resumed, .. }));
        assert!(matches!(out[2], Output::Journal { seq: 42, .. }));
        assert_eq!(gate.stored(42), Some(1));
    }

    #[test]
    fn sound_that_was_declined_is_not_kept_while_words_are() {
        let mut gate = ConsentGate::new(SessionId::new(), &Keep::AfterConsent, true, 1);
        let mut out = Vec::new();
        gate.record(CallTime::ZERO, Frame::SILENCE, Frame::SILENCE, &mut out);
        gate.decline_recording();
        gate.journal(CallTime::ZERO, said("one"), true, &mut out);
        gate.grant(&mut out);
        gate.record(CallTime::ZERO, Frame::SILENCE, Frame::SILENCE, &mut out);
        assert!(matches!(out[..], [Output::Journal { seq: 1, .. }]), "{out:?}");
    }

    #[test]
    fn nothing_goes_out_behind_a_consent_that_was_taken_back() {
        let mut gate = ConsentGate::new(SessionId::new(), &Keep::AfterConsent, true, 1);
        let mut out = Vec::new();
        gate.grant(&mut out);
        gate.withdraw();
        let before = out.len();
        gate.journal(CallTime::ZERO, said("one"), true, &mut out);
        gate.record(CallTime::ZERO, Frame::SILENCE, Frame::SILENCE, &mut out);
        assert_eq!(out.len(), before);
        gate.journal(CallTime::ZERO, Fact::Consent { given: false }, true, &mut out);
        assert_eq!(out.len(), before + 1, "that it was taken back is kept");
    }

    #[test]
    fn without_consent_nothing_remains() {
        let mut gate = ConsentGate::new(SessionId::new(), &Keep::AfterConsent, true, 1);
        let mut out = Vec::new();
        gate.journal(CallTime::ZERO, said("one"), true, &mut out);
        gate.record(CallTime::ZERO, Frame::SILENCE, Frame::SILENCE, &mut out);
        gate.forget();
        gate.grant(&mut out);
        assert!(matches!(out[..], [Output::Effect(Effect::StartRecording(_))]));
    }

    #[test]
    fn where_nothing_is_kept_consent_changes_nothing() {
        let mut gate = ConsentGate::new(SessionId::new(), &Keep::Nothing, true, 1);
        let mut out = Vec::new();
        gate.journal(CallTime::ZERO, said("one"), true, &mut out);
        gate.grant(&mut out);
        gate.announced(&mut out);
        gate.journal(CallTime::ZERO, said("two"), true, &mut out);
        assert_eq!((out, gate.records()), (Vec::new(), false));
    }
}
