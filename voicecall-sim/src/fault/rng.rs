//! A small random number generator whose numbers depend on its seed alone, on every machine and in every version.

use std::time::Duration;

/// SplitMix64: one 64-bit state, one multiplication chain per number. Not for secrets.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The generator of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for the `purpose`-th part of a simulation, so that one part drawing more often
    /// leaves the numbers of the others as they were.
    #[must_use]
    pub fn fork(seed: u64, purpose: u64) -> Self {
        let mut parent = Self(seed ^ purpose.wrapping_mul(0xA076_1D64_78BD_642F));
        Self(parent.next())
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0.0..1.0`.
    pub const fn unit(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of this probability happens now.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A duration below `limit`; zero if that is zero.
    pub fn below(&mut self, limit: Duration) -> Duration {
        limit.mul_f64(self.unit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_generator() {
        let mut rng = Rng::new(1_234_567);
        let numbers = [rng.next(), rng.next(), rng.next()];
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn units_fill_the_interval_evenly() {
        let mut rng = Rng::new(3);
        let mut tenths = [0; 10];
        for _ in 0..10_000 {
            tenths[(rng.unit() * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| (900..1100).contains(&count)), "{tenths:?}");
    }

    #[test]
    fn parts_of_a_simulation_draw_from_streams_of_their_own() {
        assert_ne!(Rng::fork(1, 0).next(), Rng::fork(1, 1).next());
        assert_eq!(Rng::fork(1, 1).next(), Rng::fork(1, 1).next());
    }
}
