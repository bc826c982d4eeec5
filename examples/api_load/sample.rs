//! Times that were measured, and what is said of them.

use std::time::Duration;

use serde_json::{Value, json};

/// The times of one thing.
#[derive(Debug, Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// A line about them; percentiles are of the nearest rank.
    pub(crate) fn summary(mut self, name: &str) -> Value {
        self.0.sort_unstable();
        let rank = |percent: usize| {
            let rank = (self.0.len() * percent).div_ceil(100).max(1);
            self.0.get(rank - 1).map(|time| (time.as_secs_f64() * 1e4).round() / 10.0)
        };
        json!({ "name": name, "count": self.0.len(), "p50Ms": rank(50), "p95Ms": rank(95), "p99Ms": rank(99), "maxMs": rank(100) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut sample = Sample::default();
        (1..=200).rev().for_each(|millis| sample.add(Duration::from_millis(millis)));
        let expected =
            json!({ "name": "x", "count": 200, "p50Ms": 100.0, "p95Ms": 190.0, "p99Ms": 198.0, "maxMs": 200.0 });
        assert_eq!(sample.summary("x"), expected);
        assert_eq!(Sample::default().summary("x")["p95Ms"], Value::Null);
    }
}
