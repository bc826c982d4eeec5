//! What became of the turns of one condition.

use super::call::{Heard, Line};
use super::sound::RATE;

/// Sentences shorter than this are over before a barge-in is due: they are not asked for one.
const SHORT: f64 = 450.0;

#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) turns: usize,
    /// From the caller's last sound to the end of turn, of those that were answered before the caller spoke again.
    pub(crate) delays: Vec<f64>,
    /// Turns that were over before the caller was.
    pub(crate) early: usize,
    /// From the caller's first sound to the agent's silence; without end if it did not come within the sentence.
    pub(crate) barge_ins: Vec<f64>,
    /// Turns in which nobody spoke.
    pub(crate) empty: usize,
}

impl Figures {
    pub(crate) fn add(&mut self, line: &Line, heard: &Heard) {
        let ms = |sample: usize| sample as f64 * 1000.0 / RATE as f64;
        let ends = ms(line.sound.len());
        for (number, &(from, until)) in line.turns.iter().enumerate() {
            let (from, until) = (ms(from), ms(until));
            let next = line.turns.get(number + 1).map_or(ends, |&(next, _)| ms(next));
            let end = heard.turns.iter().map(|&(_, end)| end).find(|&end| end > until && end <= next);
            self.turns += 1;
            self.delays.extend(end.map(|end| end - until));
            self.early += usize::from(heard.turns.iter().any(|&(_, end)| end > from + 100.0 && end <= until));
            if until - from > SHORT {
                let silent = heard.interrupted.iter().find(|&&at| at > from && at <= until + 400.0);
                self.barge_ins.push(silent.map_or(f64::INFINITY, |at| at - from));
            }
        }
        let spoken = |&(began, _): &(f64, f64)| {
            line.turns.iter().any(|&(from, until)| began > ms(from) && began < ms(until) + 600.0)
        };
        self.empty += heard.turns.iter().filter(|turn| !spoken(turn)).count();
    }

    /// In percent of all turns.
    pub(crate) fn answered(&self) -> f64 {
        100.0 * self.delays.len() as f64 / self.turns as f64
    }

    pub(crate) fn cut_off(&self) -> f64 {
        100.0 * self.early as f64 / self.turns as f64
    }
}

/// The value below which this share of the values is; without end if there is none.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::INFINITY;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
