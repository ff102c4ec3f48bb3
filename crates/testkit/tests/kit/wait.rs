use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use plimsoll_testkit::wait;

use super::BOUND;

#[tokio::test]
async fn a_wait_ends_when_its_condition_holds() {
    let looks = AtomicU32::new(0);
    wait::until(BOUND, || async { looks.fetch_add(1, Ordering::SeqCst) == 3 }).await;
    assert_eq!(looks.load(Ordering::SeqCst), 4);

    assert_eq!(wait::some(BOUND, || async { Some("found") }).await, "found");
}

#[test]
fn a_wait_in_vain_names_its_line_and_its_bound() {
    let (line, message) = failure(|| wait::until(Duration::from_millis(30), || async { false }));
    assert!(message.contains(&format!("wait.rs:{line}:")), "{message}");
    assert!(message.contains("30ms"), "{message}");
}

#[test]
fn a_look_that_never_ends_counts_against_the_bound() {
    let (_, message) = failure(|| wait::until(Duration::from_millis(30), std::future::pending::<bool>));
    assert!(message.ends_with("(1 looks)"), "{message}");
}

/// Runs a wait that must fail; returns the line it was called on and what it said.
#[track_caller]
fn failure<F: Future<Output = ()>>(wait: impl FnOnce() -> F) -> (u32, String) {
    let line = std::panic::Location::caller().line();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let panic = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { wait().await }))).expect_err("the wait was in vain");
    (line, panic.downcast_ref::<String>().expect("a formatted message").clone())
}
