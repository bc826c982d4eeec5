//! Choosing the questions for a customer out of a thousand.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use voicecall::TenantId;
use voicecall::selection::{ByFrequency, QuestionSelector, SelectionRequest};
use voicecall::store::{Priority, QuestionConfiguration};

fn bench(c: &mut Criterion) {
    let tenant = TenantId::new();
    let configured = |number: u32| QuestionConfiguration {
        frequency: number % 10 + 1,
        priority: [Priority::High, Priority::Medium, Priority::Low][number as usize % 3],
        department_tags: vec![format!("department {}", number % 12)],
        ..QuestionConfiguration::new(tenant, format!("Hur upplevde du avdelning {number}?"), Timestamp::UNIX_EPOCH)
    };
    let request = SelectionRequest::new(tenant, (0..1000).map(configured).collect(), 2520, Timestamp::UNIX_EPOCH);
    let selector = ByFrequency::default();
    let mut group = c.benchmark_group("selection");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group.bench_function("1,000 configurations", |b| b.iter(|| selector.select(black_box(&request))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
