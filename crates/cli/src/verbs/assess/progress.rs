//! How far an assessment has come, on a terminal only.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use plimsoll_assess::source::Phase;

use crate::output;

/// Tells it at most ten times a second.
pub struct Progress(Mutex<Instant>);

impl Progress {
    pub fn new() -> Progress {
        Progress(Mutex::new(Instant::now()))
    }
    /// For those who count.
    pub fn seen(&self) -> Box<dyn Fn(Phase, u64, u64) + Sync + '_> {
        Box::new(|phase, done, all| {
            let Ok(mut last) = self.0.try_lock() else { return };
            if last.elapsed() < Duration::from_millis(100) {
                return;
            }
            *last = Instant::now();
            output::progress(&match phase {
                Phase::Fetching => format!("fetching: {} KiB", done >> 10),
                Phase::Listing => format!("listing: {done} files"),
                Phase::Reading => format!("reading: {done} of {all} files"),
            });
        })
    }
    pub fn say(&self, text: &str) {
        output::progress(text);
    }
    /// Leaves an empty line for what comes next.
    pub fn end(&self) {
        output::progress("");
    }
}
