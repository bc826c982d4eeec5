//! ITU-T Recommendation G.711: the two telephone companding laws, exact for every sample and code.
//!
//! Linear samples are 16-bit. As in the reference software of ITU-T G.191, mu-law looks at the 14
//! and A-law at the 13 most significant bits, a negative sample `x` has the magnitude of `-x - 1`,
//! and decoded levels are left-justified in 16 bits.
//!
//! Every law is a pair of tables computed at compile time: a lookup per sample is exact by
//! construction and costs about a third of a nanosecond.

pub mod alaw;
pub mod mulaw;

/// Fills `output` with the converted `input`.
fn convert<T: Copy, U>(input: &[T], output: &mut [U], convert: impl Fn(T) -> U) {
    assert_eq!(input.len(), output.len(), "input and output differ in length");
    for (to, &from) in output.iter_mut().zip(input) {
        *to = convert(from);
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::{alaw, mulaw};

    /// The decision values and output levels of one polarity of a law, as G.711 tabulates them.
    struct Law {
        /// Ends of the intervals from the smallest magnitude up, in 16-bit units; the last
        /// interval is open.
        decisions: Vec<i32>,
        /// The reconstructed magnitude of each interval.
        levels: Vec<i32>,
    }

    impl Law {
        /// Builds the tables from segments of (intervals, width of an interval).
        fn from_segments(segments: &[(usize, i32)], first_level: i32) -> Self {
            let (mut decisions, mut levels) = (Vec::new(), Vec::new());
            let mut start = 0;
            for &(intervals, width) in segments {
                for _ in 0..intervals {
                    decisions.push(start + width);
                    levels.push(start + width / 2);
                    start += width;
                }
            }
            levels[0] = first_level;
            decisions.pop();
            Self { decisions, levels }
        }

        /// The number of the interval in which the magnitude lies.
        fn interval(&self, magnitude: i32) -> usize {
            self.decisions.iter().take_while(|&&decision| magnitude >= decision).count()
        }
    }

    /// Tables 2a and 2b: a segment of sixteen whose first interval is halved by the zero in its
    /// middle, then seven segments of sixteen, each twice as wide.
    fn mulaw_tables() -> Law {
        let mut segments = vec![(1, 4), (15, 8)];
        segments.extend((1..8).map(|segment| (16, 8 << segment)));
        Law::from_segments(&segments, 0)
    }

    /// Tables 1a and 1b: 32 equal intervals, then six segments of sixteen, each twice as wide.
    fn alaw_tables() -> Law {
        let mut segments = vec![(32, 16)];
        segments.extend((1..7).map(|segment| (16, 16 << segment)));
        Law::from_segments(&segments, 8)
    }

    fn magnitude(sample: i16) -> i32 {
        i32::from(if sample < 0 { -(sample + 1) } else { sample })
    }

    #[test]
    fn mulaw_follows_the_decision_values_and_levels_of_the_recommendation() {
        let law = mulaw_tables();
        assert_eq!(law.levels.len(), 128);
        for sample in i16::MIN..=i16::MAX {
            let interval = law.interval(magnitude(sample)) as u8;
            let expected = if sample < 0 { 0x7F - interval } else { 0xFF - interval };
            assert_eq!(mulaw::encode(sample), expected, "sample {sample}");
        }
        for code in 0..=255u8 {
            let level = law.levels[usize::from(0x7F - (code & 0x7F))] as i16;
            let expected = if code < 0x80 { -level } else { level };
            assert_eq!(mulaw::decode(code), expected, "code {code:#04x}");
        }
    }

    #[test]
    fn alaw_follows_the_decision_values_and_levels_of_the_recommendation() {
        let law = alaw_tables();
        assert_eq!(law.levels.len(), 128);
        for sample in i16::MIN..=i16::MAX {
            let interval = law.interval(magnitude(sample)) as u8;
            let sign = if sample < 0 { 0 } else { 0x80 };
            assert_eq!(alaw::encode(sample), (sign | interval) ^ 0x55, "sample {sample}");
        }
        for code in 0..=255u8 {
            let level = law.levels[usize::from((code ^ 0x55) & 0x7F)] as i16;
            let expected = if code < 0x80 { -level } else { level };
            assert_eq!(alaw::decode(code), expected, "code {code:#04x}");
        }
    }

    /// The tables must also be, bit for bit, those of the reference software in ITU-T G.191.
    #[test]
    fn tables_have_the_digests_of_the_reference_software() {
        let encoded = |encode: fn(i16) -> u8| (i16::MIN..=i16::MAX).map(encode).collect::<Vec<_>>();
        let decoded = |decode: fn(u8) -> i16| (0..=255).flat_map(|code| decode(code).to_le_bytes()).collect::<Vec<_>>();
        for (table, starts, ends) in [
            (encoded(mulaw::encode), "90c29de5", "ce28c"),
            (decoded(mulaw::decode), "3dab5433", "5827"),
            (encoded(alaw::encode), "38488f6f", "ce7b"),
            (decoded(alaw::decode), "e04788d1", "c174"),
        ] {
            let digest: String = Sha256::digest(&table).iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(digest.starts_with(starts) && digest.ends_with(ends), "{digest}");
        }
    }

    #[test]
    fn slices_convert_like_single_samples() {
        let samples: Vec<i16> = (-40..40).map(|i| i * 800).collect();
        let (mut codes, mut back) = (vec![0; 80], vec![0; 80]);

        mulaw::encode_slice(&samples, &mut codes);
        assert!(codes.iter().zip(&samples).all(|(&code, &x)| code == mulaw::encode(x)));
        mulaw::decode_slice(&codes, &mut back);
        assert!(back.iter().zip(&codes).all(|(&x, &code)| x == mulaw::decode(code)));

        alaw::encode_slice(&samples, &mut codes);
        assert!(codes.iter().zip(&samples).all(|(&code, &x)| code == alaw::encode(x)));
        alaw::decode_slice(&codes, &mut back);
        assert!(back.iter().zip(&codes).all(|(&x, &code)| x == alaw::decode(code)));
    }

    #[test]
    #[should_panic(expected = "differ in length")]
    fn slices_of_different_lengths_are_a_bug_of_the_caller() {
        mulaw::encode_slice(&[0; 3], &mut [0; 2]);
    }
}
