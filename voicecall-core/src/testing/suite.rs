//! Running the rules of a conformance suite, each on a case of its own.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;

/// A rule under way. It panics where the rule is broken.
pub(super) type Check = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A rule by its name.
pub(super) type Rule<C> = (&'static str, fn(C) -> Check);

/// The names of the rules that are broken.
pub(super) async fn broken<C, F, S>(rules: &[Rule<C>], make_case: F) -> Vec<&'static str>
where
    F: Fn() -> S,
    S: Future<Output = C>,
{
    let mut broken = Vec::new();
    for (name, check) in rules {
        if AssertUnwindSafe(check(make_case().await)).catch_unwind().await.is_err() {
            broken.push(*name);
        }
    }
    broken
}
