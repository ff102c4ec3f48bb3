//! Being told to end.

use std::process;

use plimsoll_assess::source;
use tokio::signal::unix::{SignalKind, signal};

use crate::output;

/// Listens for as long as the process lives. What a fetch has started and stored goes away before the process ends.
pub fn listen() {
    for (kind, code) in [(SignalKind::interrupt(), 130), (SignalKind::terminate(), 143), (SignalKind::hangup(), 129)] {
        // Without a listener the signal ends the process as it always does.
        let Ok(mut heard) = signal(kind) else { continue };
        tokio::spawn(async move {
            if heard.recv().await.is_some() {
                source::abandon();
                output::progress("");
                output::complain("interrupted");
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the thread that reads may be in the middle of a file and is not waited for"
                )]
                process::exit(code);
            }
        });
    }
}

/// Waits for the end where it was asked for: who heard it says so, and with which code.
pub fn heed() {
    while source::abandoned() {
        std::thread::park();
    }
}
