//! From an event to the end of its first step, and to all that is stored of it.
#![allow(missing_docs, clippy::expect_used, reason = "criterion's macros; a store in memory does not fail")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use voicecall::event::EventType;
use voicecall::store::{MemoryStore, NewSession, SessionStore};
use voicecall::workflow::{Step, Workflow, WorkflowConfig, Workflows};
use voicecall::{TenantId, Vault};

fn first_step(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let begun = Arc::new(Semaphore::new(0));
    let noted = Arc::clone(&begun);
    let workflow = Workflow::new("note").on(EventType::CallInitiated).step(Step::new("note", move |_run| {
        noted.add_permits(1);
        async { Ok(()) }
    }));
    let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate().expect("random bytes")));
    let given = Arc::<MemoryStore>::clone(&store);
    let workflows = Workflows::new(WorkflowConfig::default(), given, [workflow], Arc::clone(&vault))
        .expect("a right configuration");
    runtime.block_on(workflows.check()).expect("a store");
    runtime.spawn(Arc::clone(&workflows).run_background(std::future::pending::<()>()));
    let (to, count) = ("+46701234567".parse().expect("a number"), AtomicU64::new(0));
    c.bench_function("workflow/event to first step, memory", |b| {
        b.iter(|| {
            runtime.block_on(async {
                // Each of a tenant of its own: no queue grows.
                count.fetch_add(1, Ordering::Relaxed);
                let call = NewSession::outbound_to(&vault, TenantId::new(), &to, Timestamp::now()).expect("sealed");
                store.create_session(&call).await.expect("stored");
                workflows.wake();
                begun.acquire().await.expect("open").forget();
            });
        });
    });
}

criterion_group!(benches, first_step);
criterion_main!(benches);
