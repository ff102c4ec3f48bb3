//! The section `[work]`.

use std::time::Duration;

use crate::config::{Config, Rules, Span};

crate::section! {
    /// Jobs: work that was accepted and is done later.
    pub struct WorkConfig["work"] {
        /// How many jobs run at once in this process; 0 where other processes (`plimsoll worker`) do all of them.
        pub slots: u16 = "4",
        /// How long a process may be silent before its jobs are given to another one.
        pub lease: Span = "30s",
        /// With more dead letters than this, health asks for attention (`/health` on the operations listener, check `dead-letters`).
        pub dead_letters: u64 = "0",
        /// With a job that could run and has been waiting longer than this, health asks for attention (check `backlog`).
        pub backlog: Span = "10m",
    }
}

/// Below this a busy process would be taken for a dead one.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// Refuses what would break the promise.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    if config.get::<WorkConfig>().lease.duration() < SHORTEST_LEASE {
        rules.refuse("work.lease", "a lease shorter than a second would take a busy process for a dead one", "write \"30s\"");
    }
}
