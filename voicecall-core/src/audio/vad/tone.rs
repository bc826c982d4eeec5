//! Tones of telephones and machines: ringing, busy, fax, keys, chords. Networks that were taught speech take some for it.

use super::Pcm;
use crate::audio::FRAME_SAMPLES;

/// How many samples predict the next one: two for each of the tones that sound together.
const ORDER: usize = 8;

/// The samples that are looked at: two frames.
const LENGTH: usize = 2 * FRAME_SAMPLES;

/// Steady tones are predicted but for the noise of mu-law, 29 dB and more below them; of speech one window in a thousand
/// comes within 3 dB of this.
const UNPREDICTED: f64 = 0.0025;

/// Whether two frames in a row hold steady tones and nothing else: up to four, for as long as both.
///
/// What a sum of sines does next follows from its last samples, exactly and with the same few factors for as long as it
/// lasts. So the factors that predict these samples best (covariance method of linear prediction, Atal and Hanauer 1971)
/// leave next to nothing of tones, and of a voice, whose pitch and mouth are never still, more than a hundredth.
pub(super) fn is_steady_tone(before: &Pcm, frame: &Pcm) -> bool {
    let mut samples = [0.0; LENGTH];
    for (sample, &pcm) in samples.iter_mut().zip(before.iter().chain(frame)) {
        *sample = f64::from(pcm);
    }
    let products = products(&samples);
    let energy = products[0][0];
    energy > 0.0 && unpredicted(products) < UNPREDICTED * energy
}

type Products = [[f64; ORDER + 1]; ORDER + 1];

/// The products of the samples with themselves, each shifted back by up to the order. Each differs from the one before it
/// on its diagonal by its first and its last term only.
fn products(samples: &[f64; LENGTH]) -> Products {
    let mut products = [[0.0; ORDER + 1]; ORDER + 1];
    for shift in 0..=ORDER {
        let (now, back) = (&samples[ORDER..], &samples[ORDER - shift..LENGTH - shift]);
        products[0][shift] = now.iter().zip(back).map(|(now, back)| now * back).sum();
    }
    for row in 1..=ORDER {
        for column in row..=ORDER {
            let first = samples[ORDER - row] * samples[ORDER - column];
            let last = samples[LENGTH - row] * samples[LENGTH - column];
            products[row][column] = products[row - 1][column - 1] + first - last;
        }
    }
    products
}

/// The energy that the best prediction leaves, by Gaussian elimination of the symmetric matrix from its last row on: what
/// remains of its first element.
fn unpredicted(mut products: Products) -> f64 {
    let negligible = 1e-9 * products[0][0];
    for pivot in (1..=ORDER).rev() {
        // Samples that add nothing to the prediction: there are fewer tones.
        if products[pivot][pivot] <= negligible {
            continue;
        }
        let (rows, rest) = products.split_at_mut(pivot);
        let (diagonal, column) =
            (rest[0][pivot], std::array::from_fn::<_, ORDER, _>(|row| rows.get(row).map_or(0.0, |row| row[pivot])));
        for (row, products) in rows.iter_mut().enumerate() {
            let factor = products[pivot] / diagonal;
            let remaining = products[row..pivot].iter_mut().zip(&column[row..pivot]);
            remaining.for_each(|(product, with_pivot)| *product -= factor * with_pivot);
        }
    }
    products[0][0].max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::signals::{frames, noise, speech_like, tones};
    use super::*;
    use crate::audio::g711::mulaw;

    /// How many of the windows of a sound, as a telephone line carries it, are steady tones.
    fn share(sound: &[f64]) -> f64 {
        let line = |frame: &Pcm| frame.map(|sample| mulaw::decode(mulaw::encode(sample)));
        let frames: Vec<Pcm> = frames(sound).iter().map(line).collect();
        let tones = frames.windows(2).filter(|pair| is_steady_tone(&pair[0], &pair[1])).count();
        tones as f64 / (frames.len() - 1) as f64
    }

    #[test]
    fn tones_of_networks_machines_and_keys_are_told_from_speech() {
        let ours: [&[f64]; 12] = [
            &[425.0],
            &[440.0, 480.0],
            &[400.0, 450.0],
            &[350.0, 440.0],
            &[480.0, 620.0],
            &[1100.0],
            &[2100.0],
            &[697.0, 1209.0],
            &[941.0, 1633.0],
            &[950.0],
            &[1000.0],
            &[261.6, 329.6, 392.0],
        ];
        for hertz in ours {
            for level in [1000.0, 4000.0, 12_000.0] {
                assert!(share(&tones(hertz, level, 8000)) > 0.95, "{hertz:?} at {level}");
            }
        }
        assert!(share(&speech_like(16_000)) < 0.01);
        assert!(share(&noise(1000.0, 8000)) == 0.0);
        assert!(share(&[0.0; 8000]) == 0.0, "silence is no tone");
    }
}
