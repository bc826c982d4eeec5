//! The cost meter: adds up what one call uses, at the prices of its services.

use std::time::Duration;

use super::amount::Money;
use super::budget::Budget;
use super::cost::Cost;
use super::prices::{CallPrices, SoundPrice};
use crate::model::{SoundUsage, TokenUsage};

/// What ending a call properly still takes, from any instant: saying goodbye and hanging up ...
const CLOSING: Duration = Duration::from_secs(20);
/// ... in this many characters, if they were not prepared ...
const GOODBYE: u64 = 120;
/// ... while the caller's last words are transcribed ...
const LAST_WORDS: Duration = Duration::from_secs(30);
/// ... and read by the model.
const LAST_READING: TokenUsage = TokenUsage { input: 2000, cached: 0, output: 300, sound: SoundUsage::NONE };

const MINUTE: Duration = Duration::from_secs(60);

/// Adds up what a call uses. It is told, knows no clock and allocates nothing.
///
/// Sums are of what was used in all, so that rounding up to a millionth happens once for each part.
///
/// ```
/// # use voicecall_core::money::{Budget, CallPrices};
/// # fn prices() -> CallPrices { serde_json::from_str(r#"{ "effective": "2026-01-01", "carrier": { "per_minute": 14000 },
/// #   "transcription": { "per_minute": 4500 }, "speech": { "per_1000_characters": 15000 },
/// #   "model": { "input_per_million": 1, "cached_per_million": 1, "output_per_million": 1 } }"#).unwrap() }
/// use std::time::Duration;
/// use voicecall_core::money::CostMeter;
///
/// let mut meter = CostMeter::new(&Budget::new(prices()));
/// meter.on_the_line(Duration::from_secs(61));
/// meter.spoke(200);
/// assert_eq!(meter.cost().total().to_string(), "0.031 USD");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CostMeter {
    prices: CallPrices,
    earlier: Cost,
    carrier_records: bool,
    detects_machines: bool,
    /// The time since the answer; `None` before it.
    line: Option<Duration>,
    transcribed: Duration,
    characters: u64,
    /// Tokens of text read fresh, read cached, and written; and the same of sound.
    tokens: [u64; 3],
    sound: [u64; 3],
}

impl CostMeter {
    /// A meter of a call that has not been answered.
    #[must_use]
    pub const fn new(budget: &Budget) -> Self {
        Self {
            prices: budget.prices,
            earlier: budget.earlier,
            carrier_records: budget.carrier_records,
            detects_machines: budget.detects_machines,
            line: None,
            transcribed: Duration::ZERO,
            characters: 0,
            tokens: [0; 3],
            sound: [0; 3],
        }
    }

    /// The call was answered this long ago. Its first minute begins with the answer; a time before an earlier one
    /// changes nothing.
    pub fn on_the_line(&mut self, time: Duration) {
        self.line = self.line.max(Some(time));
    }

    /// This much audio was sent to be transcribed, in one request.
    pub fn transcribed(&mut self, audio: Duration) {
        let increment = self.prices.transcription.increment.as_millis().max(1);
        let millis = audio.as_micros().div_ceil(1000).div_ceil(increment).saturating_mul(increment);
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        self.transcribed = self.transcribed.saturating_add(Duration::from_millis(millis));
    }

    /// A text of this many characters was given to be spoken.
    pub const fn spoke(&mut self, characters: u64) {
        self.characters = self.characters.saturating_add(characters);
    }

    /// The model used this.
    pub fn used(&mut self, usage: TokenUsage) {
        let sound = usage.sound;
        let text = SoundUsage {
            input: usage.input.saturating_sub(sound.input),
            cached: usage.cached.saturating_sub(sound.cached),
            output: usage.output.saturating_sub(sound.output),
        };
        add(&mut self.tokens, text);
        add(&mut self.sound, sound);
    }

    /// What the session has cost so far, earlier connections and calls included.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let CallPrices { transcription, speech, model, .. } = self.prices;
        let millis = u64::try_from(self.transcribed.as_millis()).unwrap_or(u64::MAX);
        let [read, from_cache, written] = self.tokens;
        let [heard, heard_from_cache, spoken] = self.sound;
        let as_text = SoundPrice {
            input_per_million: model.input_per_million,
            cached_per_million: model.cached_per_million,
            output_per_million: model.output_per_million,
        };
        let sound = model.sound.unwrap_or(as_text);
        let tokens = [
            (model.input_per_million, read),
            (model.cached_per_million, from_cache),
            (model.output_per_million, written),
            (sound.input_per_million, heard),
            (sound.cached_per_million, heard_from_cache),
            (sound.output_per_million, spoken),
        ];
        let own = Cost {
            carrier: self.carrier(),
            transcription: Money::of(&[(transcription.per_minute, millis)], 60_000),
            speech: Money::of(&[(speech.per_1000_characters, self.characters)], 1000),
            model: Money::of(&tokens, 1_000_000),
        };
        self.earlier.saturating_add(own)
    }

    /// What ending the call properly will still cost: the next minute of the carrier if it would begin, a goodbye, and
    /// what the caller is just saying.
    #[must_use]
    pub fn to_end(&self) -> Money {
        let mut ended = *self;
        ended.line = self.line.map(|line| line.saturating_add(CLOSING));
        ended.spoke(GOODBYE);
        ended.transcribed(LAST_WORDS);
        ended.used(LAST_READING);
        ended.cost().total().saturating_sub(self.cost().total())
    }

    /// The time since the answer at which, if nothing is used, another minute is charged or needed to end properly;
    /// `None` before the answer.
    pub(crate) fn next_step(&self) -> Option<Duration> {
        let line = self.line?;
        let end = |line| MINUTE.saturating_mul(u32::try_from(begun(line)).unwrap_or(u32::MAX));
        let next = end(line).min(end(line.saturating_add(CLOSING)).saturating_sub(CLOSING));
        Some(next.saturating_add(Duration::from_micros(1)))
    }

    fn carrier(&self) -> Money {
        let Some(line) = self.line else { return Money::ZERO };
        let (price, minutes) = (self.prices.carrier, begun(line));
        let charges = [
            (price.per_call, 1),
            (price.machine_detection, u64::from(self.detects_machines)),
            (price.per_minute, minutes),
            (price.stream_per_minute, minutes),
            (price.recording_per_minute, if self.carrier_records { minutes } else { 0 }),
        ];
        Money::of(&charges, 1)
    }
}

/// Adds tokens to those read fresh, read cached, and written.
fn add(tokens: &mut [u64; 3], used: SoundUsage) {
    let cached = used.cached.min(used.input);
    let [read, from_cache, written] = *tokens;
    *tokens = [
        read.saturating_add(used.input - cached),
        from_cache.saturating_add(cached),
        written.saturating_add(used.output),
    ];
}

/// Minutes begun since the answer, at least the first.
fn begun(line: Duration) -> u64 {
    u64::try_from(line.as_nanos().div_ceil(MINUTE.as_nanos())).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{CarrierPrice, ModelPrice, SpeechPrice, TranscriptionPrice};
    use proptest::prelude::*;

    fn micros(amount: i64) -> Money {
        Money::from_micros(amount)
    }

    fn prices() -> CallPrices {
        CallPrices {
            effective: jiff::civil::date(2026, 11, 20),
            carrier: CarrierPrice {
                per_call: micros(100),
                per_minute: micros(14_000),
                stream_per_minute: micros(4400),
                recording_per_minute: micros(2500),
                machine_detection: micros(7500),
            },
            transcription: TranscriptionPrice { per_minute: micros(4500), increment: Duration::from_secs(1) },
            speech: SpeechPrice { per_1000_characters: micros(15_000) },
            model: ModelPrice {
                input_per_million: micros(100_000),
                cached_per_million: micros(10_000),
                output_per_million: micros(500_000),
                sound: None,
            },
        }
    }

    fn meter() -> CostMeter {
        CostMeter::new(&Budget::new(prices()))
    }

    #[test]
    fn sound_has_a_price_of_its_own() {
        let usage = TokenUsage {
            input: 1_000_000,
            cached: 400_000,
            output: 100_000,
            sound: SoundUsage { input: 600_000, cached: 300_000, output: 90_000 },
        };
        let mut meter = meter();
        meter.used(usage);
        // As text: 600,000 fresh, 400,000 cached, 100,000 written.
        assert_eq!(meter.cost().model, micros(60_000 + 4_000 + 50_000));
        let price = SoundPrice {
            input_per_million: micros(3_200_000),
            cached_per_million: micros(400_000),
            output_per_million: micros(6_400_000),
        };
        meter.prices.model.sound = Some(price);
        // Text: 300,000 fresh, 100,000 cached, 10,000 written. Sound: 300,000, 300,000 and 90,000.
        assert_eq!(meter.cost().model, micros(30_000 + 1_000 + 5_000 + 960_000 + 120_000 + 576_000));
    }

    #[test]
    fn a_call_costs_what_its_parts_cost_to_the_millionth() {
        let mut meter = meter();
        meter.on_the_line(Duration::from_secs(75));
        meter.transcribed(Duration::from_millis(1001));
        meter.transcribed(Duration::from_secs(10));
        meter.spoke(107);
        meter.used(TokenUsage { input: 1200, cached: 1000, output: 60, sound: SoundUsage::NONE });
        let cost = meter.cost();
        assert_eq!(cost.carrier, micros(100 + 2 * 18_400));
        assert_eq!(cost.transcription, micros(12 * 75));
        assert_eq!(cost.speech, micros(1605));
        // 200 fresh, 1,000 cached, 60 written: 20 + 10 + 30.
        assert_eq!(cost.model, micros(60));
        assert_eq!(cost.total(), micros(36_900 + 900 + 1605 + 60));
    }

    #[test]
    fn a_minute_is_charged_once_it_has_begun() {
        let carrier = |millis| {
            let mut meter = meter();
            meter.on_the_line(Duration::from_millis(millis));
            meter.cost().carrier.micros() - 100
        };
        assert_eq!([0, 59_900, 60_000, 60_100].map(carrier), [18_400, 18_400, 18_400, 2 * 18_400]);
        assert_eq!(meter().cost(), Cost::default());
    }

    #[test]
    fn what_the_carrier_does_besides_is_charged_if_it_does() {
        let mut budget = Budget::new(prices());
        (budget.carrier_records, budget.detects_machines) = (true, true);
        let mut meter = CostMeter::new(&budget);
        meter.on_the_line(Duration::from_secs(61));
        assert_eq!(meter.cost().carrier, micros(100 + 7500 + 2 * 20_900));
    }

    #[test]
    fn ending_properly_needs_the_next_minute_from_twenty_seconds_before_it() {
        let at = |millis| {
            let mut meter = meter();
            meter.on_the_line(Duration::from_millis(millis));
            (meter.to_end().micros(), meter.next_step().unwrap().as_micros())
        };
        // 120 characters, 30 s of audio, a reading of 2,000 and 300 tokens.
        let words = 1800 + 2250 + 350;
        assert_eq!(at(0), (words, 40_000_001));
        assert_eq!(at(40_000).0, words);
        assert_eq!(at(40_001), (words + 18_400, 60_000_001));
        assert_eq!(at(60_001), (words, 100_000_001));
    }

    #[test]
    fn a_broken_call_that_goes_on_is_charged_like_one_that_did_not_break() {
        let mut whole = meter();
        whole.on_the_line(Duration::from_secs(30));
        whole.spoke(1000);
        let so_far = whole.cost();
        let mut resumed = CostMeter::new(&Budget::new(prices()).resumed(so_far));
        let mut again = CostMeter::new(&Budget::new(prices()).again(so_far));
        for meter in [&mut whole, &mut resumed, &mut again] {
            meter.on_the_line(Duration::from_secs(70));
            meter.used(TokenUsage { input: 1000, cached: 0, output: 0, sound: SoundUsage::NONE });
        }
        assert_eq!(resumed.cost(), whole.cost());
        assert_eq!(again.cost().total(), micros(whole.cost().total().micros() + 100 + 18_400));
    }

    fn any_usage() -> impl Strategy<Value = (u8, u64, u64, u64)> {
        let size = || prop_oneof![0u64..200_000, Just(u64::MAX), any::<u64>()];
        (0u8..4, size(), size(), size())
    }

    proptest! {
        #[test]
        fn the_cost_never_falls_and_is_the_sum_of_its_parts(
            uses in prop::collection::vec(any_usage(), 0..40), dear in any::<bool>(), earlier in 0i64..1_000_000,
        ) {
            let mut prices = prices();
            if dear {
                prices.carrier.per_minute = Money::MAX;
                prices.model.output_per_million = Money::MAX;
                prices.transcription.increment = Duration::MAX;
            }
            let so_far = Cost { speech: micros(earlier), ..Cost::default() };
            let mut meter = CostMeter::new(&Budget::new(prices).again(so_far));
            let mut last = meter.cost().total();
            prop_assert_eq!(last, micros(earlier));
            for (kind, a, b, c) in uses {
                match kind {
                    0 => meter.on_the_line(Duration::from_micros(a)),
                    1 => meter.transcribed(Duration::from_micros(a)),
                    2 => meter.spoke(a),
                    _ => meter.used(TokenUsage { input: a, cached: b, output: c, sound: SoundUsage::NONE }),
                }
                let cost = meter.cost();
                let parts = [cost.carrier, cost.transcription, cost.speech, cost.model];
                prop_assert!(parts.iter().all(|part| *part >= Money::ZERO));
                prop_assert_eq!(cost.total(), parts.into_iter().fold(Money::ZERO, Money::saturating_add));
                prop_assert!(cost.total() >= last && meter.to_end() >= Money::ZERO);
                last = cost.total();
                let _ = meter.next_step();
            }
        }
    }
}
