//! Sealing content, beside writing it as it is: a fact, and a second of a recording.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::fs::File;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use voicecall::audio::{FRAME_SAMPLES, Frame, StereoWav};
use voicecall::journal::Fact;
use voicecall::{ConsentToken, ContentSeal, FactRow, SealedRow, SessionId, TenantId, Vault};

const SECOND: usize = 50;

/// A file that is gone once it is closed.
fn file() -> File {
    let path = std::env::temp_dir().join(format!("voicecall-bench-{}", SessionId::new()));
    let file =
        File::options().read(true).write(true).create_new(true).open(&path).unwrap_or_else(|error| panic!("{error}"));
    drop(std::fs::remove_file(path));
    file
}

fn bench(c: &mut Criterion) {
    let Ok(vault) = Vault::generate() else { return };
    let vault = Arc::new(vault);
    let (tenant, session) = (TenantId::new(), SessionId::new());
    let fact = Fact::Disclosed { text: "Jag är mycket nöjd, allt gick snabbt och alla var så trevliga.".to_owned() };
    let row = FactRow { tenant, session, seq: 1 };
    let mut group = c.benchmark_group("seal");
    group.sample_size(30).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (name, seal) in [("as it is", ContentSeal::Off), ("sealed", ContentSeal::Seal(Arc::clone(&vault)))] {
        group.bench_function(format!("write a fact, {name}"), |b| b.iter(|| seal.seal_fact(row, black_box(&fact))));
        let Ok(stored) = seal.seal_fact(row, &fact) else { return };
        group.bench_function(format!("read a fact, {name}"), |b| b.iter(|| seal.open_fact(row, black_box(&stored))));
    }
    let consent = ConsentToken::operator_declares_legal_basis(session);
    let frame = Frame::encode(&[1000; FRAME_SAMPLES]);
    let plain = StereoWav::resume(file(), &consent);
    let sealed = StereoWav::resume_sealed(file(), &vault, SealedRow::session(tenant, session), &consent);
    for (name, recording) in [("as it is", plain), ("sealed", sealed)] {
        let Ok(mut recording) = recording else { return };
        group.bench_function(format!("record a second, {name}"), |b| {
            b.iter(|| {
                for _ in 0..SECOND {
                    drop(black_box(recording.write(voicecall::CallTime::ZERO, &frame, &frame)));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
