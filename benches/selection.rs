//! Choosing the questions for a customer out of a hundred and a thousand, and when nearly all of them wait.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use voicecall::TenantId;
use voicecall::survey::selection::{ByFrequency, QuestionSelector, SelectionRequest};
use voicecall::survey::store::{Priority, QuestionConfiguration};

fn bench(c: &mut Criterion) {
    let tenant = TenantId::new();
    let configured = |number: u32| QuestionConfiguration {
        frequency: number % 10 + 1,
        priority: [Priority::High, Priority::Medium, Priority::Low][number as usize % 3],
        department_tags: vec![format!("department {}", number % 12)],
        ..QuestionConfiguration::new(tenant, format!("Hur upplevde du avdelning {number}?"), Timestamp::UNIX_EPOCH)
    };
    let request = |questions: u32, customer_count: u64| {
        let configurations = (0..questions).map(configured).collect();
        SelectionRequest::new(tenant, configurations, customer_count, Timestamp::UNIX_EPOCH)
    };
    let selector = ByFrequency::default();
    let hundred = request(100, 2520);
    let thousand = request(1000, 2520);
    // After 200 customers nearly all of them wait, each with a history.
    let waiting = (1..=200).fold(request(1000, 1), |mut request, count| {
        request.customer_count = count;
        let selection = selector.select(&request);
        request.history = selection.history(std::mem::take(&mut request.history));
        request.carried_over = selection.carry_over;
        request
    });
    assert!(waiting.carried_over.len() > 900);
    let mut group = c.benchmark_group("selection");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group.bench_function("100 configurations", |b| b.iter(|| selector.select(black_box(&hundred))));
    group.bench_function("1,000 configurations", |b| b.iter(|| selector.select(black_box(&thousand))));
    group.bench_function("1,000 configurations, all waiting", |b| b.iter(|| selector.select(black_box(&waiting))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
