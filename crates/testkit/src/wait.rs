//! Waiting for a condition instead of for luck: poll in short steps, give up at a bound, and say
//! which wait it was.

use std::{
    panic::Location,
    time::{Duration, Instant},
};

/// Time between two looks.
const STEP: Duration = Duration::from_millis(10);

/// Waits until `condition` says true.
///
/// # Panics
/// When `bound` passes first; the message names the line that waited. A look that never ends
/// counts against the bound as well.
#[track_caller]
pub fn until<L>(bound: Duration, mut condition: impl FnMut() -> L) -> impl Future<Output = ()>
where
    L: Future<Output = bool>,
{
    some(bound, move || {
        let look = condition();
        async move { look.await.then_some(()) }
    })
}

/// Waits until `look` finds something, and hands it over.
///
/// # Panics
/// As [`until`].
#[track_caller]
pub fn some<T, L>(bound: Duration, mut look: impl FnMut() -> L) -> impl Future<Output = T>
where
    L: Future<Output = Option<T>>,
{
    let line = Location::caller();
    async move {
        let mut looks = 0u32;
        let search = async {
            loop {
                looks += 1;
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(STEP).await;
            }
        };
        match tokio::time::timeout(bound, search).await {
            Ok(found) => found,
            Err(_) => panic!("{line}: what was waited for did not happen within {bound:?} ({looks} looks)"),
        }
    }
}

/// [`some`] for code that is not asynchronous: blocks the thread. `None` when `bound` passes, so
/// that the caller can say what went wrong.
pub fn blocking<T>(bound: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if started.elapsed() > bound {
            return None;
        }
        std::thread::sleep(STEP);
    }
}
