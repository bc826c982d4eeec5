//! Changes the sample rate of a stream, for services that do not speak 8 kHz.
//!
//! A polyphase filter: every output sample is the input seen through a windowed sinc centred on
//! the output's instant, and the windows of all instants that can occur are tabulated once per
//! pair of rates.

use std::time::Duration;

use self::bank::Bank;

mod bank;

#[cfg(test)]
mod quality;

/// The rates between which [`Resampler`] converts, in hertz.
pub const RATES: [u32; 7] = [8000, 16000, 22050, 24000, 32000, 44100, 48000];

/// Samples taken in at a time; bounds the memory of a resampler, not the size of a chunk.
const BLOCK: usize = 160;

/// A streaming sample-rate converter for one mono stream of 16-bit samples.
///
/// * **Aligned**: output sample `n` is the input at the instant `n / to_hz`; the filter adds no
///   leading silence. Instead each output is held back until the input its filter needs is there:
///   3.0 to 3.1 ms for every pair with 8 kHz, see [`delay`](Self::delay).
/// * **Exact length**: after [`flush`](Self::flush) a stream of `n` samples has become
///   `n * to_hz / from_hz`, rounded half up.
/// * **Chunks do not matter**: any cutting of the input gives the same output.
/// * **Quality**: tones up to 85 % of the lower rate's half pass within 0.01 dB, and from 115 % on
///   images and aliases lie more than 90 dB below them. With 8 kHz on one side that is the
///   telephone band up to 3.4 kHz. What exceeds 16 bits after filtering is clipped.
///
/// Equal rates pass the samples through unchanged and at once.
///
/// A resampler holds under 2 KiB; the filter tables, at most 120 KiB per pair of rates, are
/// computed on first use and shared by the whole process.
///
/// ```
/// use voicecall_core::audio::Resampler;
///
/// let mut upsampler = Resampler::new(8000, 24000)?;
/// let mut wide = Vec::new();
/// upsampler.process(&[1000; 160], &mut wide);
/// assert_eq!(wide.len(), 480 - 72);
/// upsampler.flush(&mut wide);
/// assert_eq!(wide.len(), 480);
/// assert_eq!(wide[240], 1000);
/// # Ok::<(), voicecall_core::audio::UnsupportedRate>(())
/// ```
#[derive(Debug, Clone)]
pub struct Resampler {
    bank: &'static Bank,
    /// The input that outputs still need, oldest first, as `window[..filled]`.
    window: Box<[f32]>,
    filled: usize,
    /// Where the filter of the next output begins in `window`.
    position: usize,
    /// The fraction of an input sample by which the next output lies behind `position`.
    phase: usize,
    taken: u64,
    given: u64,
}

/// A pair of rates outside [`RATES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no conversion from {from_hz} Hz to {to_hz} Hz")]
#[non_exhaustive]
pub struct UnsupportedRate {
    /// The rate of the input that was asked for, in hertz.
    pub from_hz: u32,
    /// The rate of the output that was asked for, in hertz.
    pub to_hz: u32,
}

impl Resampler {
    /// A converter from `from_hz` to `to_hz`, both in hertz and out of [`RATES`].
    ///
    /// # Errors
    ///
    /// [`UnsupportedRate`] when either rate is another one.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, UnsupportedRate> {
        let bank = Bank::shared(from_hz, to_hz).ok_or(UnsupportedRate { from_hz, to_hz })?;
        let mut resampler = Self {
            bank,
            window: vec![0.0; bank.taps() + BLOCK].into_boxed_slice(),
            filled: 0,
            position: 0,
            phase: 0,
            taken: 0,
            given: 0,
        };
        resampler.reset();
        Ok(resampler)
    }

    /// Takes the next samples of the stream and appends the output they complete.
    ///
    /// Nothing is allocated except by the growth of `output`.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        for block in input.chunks(BLOCK) {
            self.take(block);
            self.give(u64::MAX, output);
        }
        self.taken += input.len() as u64;
    }

    /// Ends the stream: appends the output that was held back, as if silence followed, and resets.
    pub fn flush(&mut self, output: &mut Vec<i16>) {
        let total = self.bank.output_length(self.taken);
        while self.given < total {
            self.take(&[0; BLOCK]);
            self.give(total - self.given, output);
        }
        self.reset();
    }

    /// Forgets the stream; the next sample begins a new one.
    pub fn reset(&mut self) {
        // Before the stream there is silence for the first output's filter to look back on.
        self.filled = self.bank.lookback();
        self.window[..self.filled].fill(0.0);
        self.position = 0;
        self.phase = 0;
        self.taken = 0;
        self.given = 0;
    }

    /// How far the output lags behind the input: how much input after its own instant an output
    /// sample waits for. Zero for equal rates, else the same for every sample of the stream.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.bank.lookahead()
    }

    /// Appends a block to the window; the call of `give` before it made room.
    fn take(&mut self, block: &[i16]) {
        let end = self.filled + block.len();
        for (to, &sample) in self.window[self.filled..end].iter_mut().zip(block) {
            *to = f32::from(sample);
        }
        self.filled = end;
    }

    /// Appends at most `limit` of the outputs whose whole filter lies in the window, then drops
    /// the input that no later output needs.
    fn give(&mut self, limit: u64, output: &mut Vec<i16>) {
        let taps = self.bank.taps();
        let already = output.len();
        let mut left = limit;
        while left > 0 && self.position + taps <= self.filled {
            let input = &self.window[self.position..self.position + taps];
            output.push(self.bank.filter(self.phase, input));
            (self.position, self.phase) = self.bank.advance(self.position, self.phase);
            left -= 1;
        }
        self.given += (output.len() - already) as u64;
        self.window.copy_within(self.position..self.filled, 0);
        self.filled -= self.position;
        self.position = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        RATES.into_iter().flat_map(|from| RATES.into_iter().map(move |to| (from, to)))
    }

    fn one_shot(from_hz: u32, to_hz: u32, input: &[i16]) -> Vec<i16> {
        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        let mut output = Vec::new();
        resampler.process(input, &mut output);
        resampler.flush(&mut output);
        output
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn chunking_never_changes_the_output(
            chunks in prop::collection::vec(prop::collection::vec(any::<i16>(), 0..400), 0..6),
            pair in prop::sample::select(pairs().collect::<Vec<_>>()),
        ) {
            let (from_hz, to_hz) = pair;
            let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
            let mut output = Vec::new();
            for chunk in &chunks {
                resampler.process(chunk, &mut output);
            }
            resampler.flush(&mut output);
            prop_assert_eq!(output, one_shot(from_hz, to_hz, &chunks.concat()));
        }
    }

    #[test]
    fn length_is_the_rounded_ratio() {
        for (from_hz, to_hz) in pairs() {
            for length in [0_u64, 1, 2, 3, 7, 159, 160, 161, 441, 5000] {
                let exact = (2 * length * u64::from(to_hz) + u64::from(from_hz)) / (2 * u64::from(from_hz));
                let output = one_shot(from_hz, to_hz, &vec![1; length as usize]);
                assert_eq!(output.len() as u64, exact, "{length} samples {from_hz} -> {to_hz}");
            }
        }
    }

    #[test]
    fn output_is_held_back_by_exactly_the_delay() {
        for (from_hz, to_hz) in pairs() {
            let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
            let lookahead = (resampler.delay().as_secs_f64() * f64::from(from_hz)).round() as u64;
            let mut output = Vec::new();
            for taken in 1..2000_u64 {
                resampler.process(&[0], &mut output);
                // Sample `taken - 1` is here, and with it all instants before the next one.
                let instants = taken.saturating_sub(lookahead) * u64::from(to_hz);
                let expected = instants.div_ceil(u64::from(from_hz));
                assert_eq!(output.len() as u64, expected, "{from_hz} -> {to_hz} after {taken}");
            }
        }
    }

    #[test]
    fn delay_with_the_telephone_rate_is_at_most_3_1_ms() {
        for (from_hz, to_hz) in pairs().filter(|(from, to)| from != to) {
            let delay = Resampler::new(from_hz, to_hz).unwrap().delay();
            let bound = if from_hz.min(to_hz) == 8000 { 3100 } else { 1700 };
            assert!(delay <= Duration::from_micros(bound), "{from_hz} -> {to_hz}: {delay:?}");
        }
    }

    #[test]
    fn an_impulse_stays_at_its_instant() {
        for (from_hz, to_hz) in pairs() {
            // A whole number of samples in at both rates.
            let instant = |rate: u32| (rate / 50) as usize;
            let mut input = vec![0; 2 * instant(from_hz)];
            input[instant(from_hz)] = 20000;
            let output = one_shot(from_hz, to_hz, &input);
            let peak = (0..output.len()).max_by_key(|&i| output[i]).unwrap();
            assert_eq!(peak, instant(to_hz), "{from_hz} -> {to_hz}");
        }
    }

    #[test]
    fn equal_rates_pass_through_at_once() {
        for rate in RATES {
            let mut resampler = Resampler::new(rate, rate).unwrap();
            let mut output = Vec::new();
            resampler.process(&[i16::MIN, -1, 0, 1, i16::MAX], &mut output);
            assert_eq!(output, [i16::MIN, -1, 0, 1, i16::MAX]);
            assert_eq!(resampler.delay(), Duration::ZERO);
        }
    }

    #[test]
    fn overshoot_is_clipped_and_does_not_wrap() {
        // A square wave at full scale rings past it on both sides.
        let square: Vec<i16> = (0..800).map(|i| if i / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let output = one_shot(8000, 48000, &square);
        for (i, &sample) in output.iter().enumerate().filter(|(i, _)| i % 120 == 60) {
            let expected_positive = i / 120 % 2 == 0;
            assert_eq!(sample > 0, expected_positive, "sample {i} is {sample}");
        }
        assert!(output.contains(&i16::MAX) && output.contains(&i16::MIN));
        // The jumps of the square are spread over at least two output samples.
        assert!(output.windows(2).all(|pair| pair[0].abs_diff(pair[1]) < 40000));
    }

    #[test]
    fn after_flush_and_reset_a_stream_begins_anew() {
        let input: Vec<i16> = (0..700).map(|i| (i * 37 % 2000) as i16).collect();
        let expected = one_shot(22050, 8000, &input);
        let mut resampler = Resampler::new(22050, 8000).unwrap();
        for _ in 0..2 {
            let mut output = Vec::new();
            resampler.process(&input, &mut output);
            resampler.flush(&mut output);
            assert_eq!(output, expected);
        }
        resampler.process(&input[..333], &mut Vec::new());
        resampler.reset();
        let mut output = Vec::new();
        resampler.process(&input, &mut output);
        resampler.flush(&mut output);
        assert_eq!(output, expected);
    }

    #[test]
    fn other_rates_are_refused_by_name() {
        for (from_hz, to_hz) in [(8000, 12000), (0, 8000), (11025, 8000)] {
            let error = Resampler::new(from_hz, to_hz).unwrap_err();
            assert_eq!(error, UnsupportedRate { from_hz, to_hz });
        }
        let error = Resampler::new(8000, 12000).unwrap_err();
        assert_eq!(error.to_string(), "no conversion from 8000 Hz to 12000 Hz");
    }
}
