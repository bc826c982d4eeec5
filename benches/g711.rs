//! Mu-law, 20 ms at a time, beside the plainest loop over a table there is. Target: within twice of it.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use voicecall::audio::g711::mulaw;

const FRAME: usize = 160;

fn bench(c: &mut Criterion) {
    let codes: [u8; FRAME] = std::array::from_fn(|at| (at * 7) as u8);
    let samples: [i16; FRAME] = codes.map(mulaw::decode);
    let to_linear: [i16; 256] = std::array::from_fn(|code| mulaw::decode(code as u8));
    let to_code: Vec<u8> = (0..=u16::MAX).map(|bits| mulaw::encode(bits.cast_signed())).collect();
    let to_code: Box<[u8; 65536]> =
        to_code.into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!("2^16 codes"));

    let mut group = c.benchmark_group("g711");
    group.sample_size(30).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let mut decoded = [0; FRAME];
    group.bench_function("decode", |b| b.iter(|| mulaw::decode_slice(black_box(&codes), black_box(&mut decoded))));
    group.bench_function("decode, table loop", |b| {
        b.iter(|| {
            let decoded = black_box(&mut decoded);
            for (sample, code) in decoded.iter_mut().zip(black_box(&codes)) {
                *sample = to_linear[usize::from(*code)];
            }
        });
    });
    let mut encoded = [0; FRAME];
    group.bench_function("encode", |b| b.iter(|| mulaw::encode_slice(black_box(&samples), black_box(&mut encoded))));
    group.bench_function("encode, table loop", |b| {
        b.iter(|| {
            let encoded = black_box(&mut encoded);
            for (code, sample) in encoded.iter_mut().zip(black_box(&samples)) {
                *code = to_code[usize::from(sample.cast_unsigned())];
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
