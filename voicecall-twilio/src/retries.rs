//! How long to go on asking while Twilio says that it is asked too much.

use std::time::Duration;

use voicecall_core::{Error, ErrorKind};

/// The tries of one request. Only what was certainly not done ([`ErrorKind::RateLimited`]) is tried again.
#[derive(Debug)]
pub(crate) struct Retries {
    retries_left: u32,
    next_wait: Duration,
    time_left: Duration,
}

impl Retries {
    const RETRIES: u32 = 4;
    const FIRST_WAIT: Duration = Duration::from_millis(100);

    /// At most four retries, the waits between them in all no longer than `time`.
    pub(crate) const fn new(time: Duration) -> Self {
        Self { retries_left: Self::RETRIES, next_wait: Self::FIRST_WAIT, time_left: time }
    }

    /// How long to wait before the next try; none to give up.
    ///
    /// Doubling from 0.1 s, and never shorter than Twilio asks. `random` of 0 to 255 spreads the waits by a tenth either
    /// way, so that those who were refused together do not come back together.
    pub(crate) fn wait_after(&mut self, error: &Error, random: u8) -> Option<Duration> {
        if error.kind() != ErrorKind::RateLimited || self.retries_left == 0 {
            return None;
        }
        let spread = self.next_wait * (230 + u32::from(random) / 5) / 256;
        let wait = spread.max(error.retry_after().unwrap_or_default());
        self.time_left = self.time_left.checked_sub(wait)?;
        self.retries_left -= 1;
        self.next_wait *= 2;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limited() -> Error {
        Error::new(ErrorKind::RateLimited, "place call")
    }

    #[test]
    fn four_retries_each_twice_as_late() {
        let mut retries = Retries::new(Duration::from_secs(5));
        let waits: Vec<_> = std::iter::from_fn(|| retries.wait_after(&limited(), 130)).collect();
        assert_eq!(waits, [100, 200, 400, 800].map(Duration::from_millis));
    }

    #[test]
    fn an_asked_for_wait_is_kept_or_there_is_none() {
        let mut retries = Retries::new(Duration::from_secs(5));
        let asked = |seconds| limited().with_retry_after(Duration::from_secs(seconds));
        assert_eq!(retries.wait_after(&asked(3), 0), Some(Duration::from_secs(3)));
        assert_eq!(retries.wait_after(&asked(3), 0), None);
        assert_eq!(Retries::new(Duration::from_secs(5)).wait_after(&asked(6), 0), None);
    }

    #[test]
    fn nothing_else_is_tried_again() {
        for kind in [ErrorKind::UnknownOutcome, ErrorKind::Timeout, ErrorKind::Unavailable, ErrorKind::Rejected] {
            let mut retries = Retries::new(Duration::from_secs(5));
            assert_eq!(retries.wait_after(&Error::new(kind, "place call"), 0), None, "{kind:?}");
        }
    }

    proptest! {
        #[test]
        fn waits_stay_within_a_tenth_and_within_the_time(random: [u8; 8], millis in 0..3000u64) {
            let time = Duration::from_millis(millis);
            let mut retries = Retries::new(time);
            let waits: Vec<_> = random.iter().map_while(|&random| retries.wait_after(&limited(), random)).collect();
            prop_assert!(waits.iter().sum::<Duration>() <= time);
            for (wait, middle) in waits.iter().zip([100.0, 200.0, 400.0, 800.0]) {
                prop_assert!((wait.as_secs_f64() * 1000.0 / middle - 1.0).abs() <= 0.11);
            }
        }
    }
}
