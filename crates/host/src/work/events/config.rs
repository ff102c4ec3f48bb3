//! The section `[events]`.

use std::time::Duration;

use super::Pattern;
use crate::config::{Config, Rules, Span};

crate::section! {
    /// Events: what has happened, for subscribers, webhooks and `GET /v1/events`.
    pub struct EventsConfig["events"] {
        /// How long an event can be read, and a stream that broke off be taken up again.
        pub kept: Span = "7d",
        /// Types that are not recorded and told to nobody, such as `song.updated` or `song.*`.
        pub unrecorded: Vec<String> = "",
        /// Most streams of `GET /v1/events` at once in this process.
        pub streams: u32 = "1000",
        /// Most of them for one tenant.
        pub streams_per_tenant: u32 = "100",
        /// After how long without an event a stream says that it is alive.
        pub heartbeat: Span = "15s",
    }
}

/// Below this a client that was away for a moment would find its place gone.
const SHORTEST: Duration = Duration::from_secs(60);

/// Refuses what would break the promise.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let own: EventsConfig = config.get();
    if own.kept.duration() < SHORTEST {
        rules.refuse(
            "events.kept",
            "events that are kept for less than a minute are gone before a stream can be taken up again",
            "write \"7d\"",
        );
    }
    if own.heartbeat.duration() < Duration::from_secs(1) {
        rules.refuse("events.heartbeat", "more than one sign of life a second says nothing new", "write \"15s\"");
    }
    for text in &own.unrecorded {
        if let Err(error) = Pattern::parse(text) {
            rules.refuse("events.unrecorded", error.public(), "write a type such as \"song.updated\", or \"song.*\"");
        }
    }
}
