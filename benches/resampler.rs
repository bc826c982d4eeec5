//! A second of a synthesiser's speech, made telephone speech.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; the rates are supported")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use voicecall::audio::{RATES, Resampler, SAMPLE_RATE};

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("a second resampled to 8 kHz");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for rate in RATES.into_iter().filter(|rate| *rate > SAMPLE_RATE) {
        let second: Vec<i16> = (0..rate).map(|at| ((at * 37) % 20_000) as i16 - 10_000).collect();
        let mut resampler = Resampler::new(rate, SAMPLE_RATE).unwrap();
        let mut output = Vec::new();
        group.bench_function(BenchmarkId::from_parameter(rate), |b| {
            b.iter(|| {
                output.clear();
                for piece in black_box(&second).chunks(rate as usize / 50) {
                    resampler.process(piece, &mut output);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
