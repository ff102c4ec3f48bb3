//! The section `[webhooks]`.

use std::{path::PathBuf, time::Duration};

use crate::{
    config::{Config, Profile, Rules, Span},
    outbound,
};

crate::section! {
    /// Webhooks: telling others, over HTTP, what happened.
    pub struct WebhooksConfig["webhooks"] {
        /// Networks beside the public internet that may be told, such as `10.0.0.0/8`. Outside of the production profile they may be told without encryption.
        pub allow: Vec<String> = "",
        /// Ports of the public internet that may be asked; in the networks of `allow`, any.
        pub ports: Vec<u16> = "443, 8443",
        /// PEM file with authorities that may vouch for receivers, beside the public ones.
        pub ca_file: Option<PathBuf> = none,
        /// The pauses after failed attempts; the first attempt is made at once. Each is lengthened at random by up to a tenth. After the last one follows the last attempt.
        pub schedule: Vec<Span> = "5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h",
        /// How long a receiver may take to answer.
        pub timeout: Span = "20s",
        /// How many deliveries one endpoint is sent at once by one process; half of `[work] slots` at most.
        pub at_once: u16 = "4",
        /// How long an endpoint may fail without one success until it is disabled.
        pub disable_after: Span = "5d",
        /// How long deliveries and their attempts can be looked at and replayed.
        pub kept: Span = "30d",
        /// How many endpoints a tenant may have.
        pub endpoints: u16 = "50",
    }
}

/// What a receiver may be given at most, so that a worker's place is not held for long.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

impl WebhooksConfig {
    /// Where webhooks may go.
    ///
    /// # Errors
    /// For something that is no network.
    pub fn rules(&self, profile: Profile) -> plimsoll_core::Result<outbound::Rules> {
        outbound::Rules::new("webhooks.allow", &self.allow, &self.ports, profile != Profile::Production)
    }
}

/// Refuses what would break the promise.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let section: WebhooksConfig = config.get();
    if let Err(error) = section.rules(config.profile()) {
        rules.refuse("webhooks.allow", error.public(), "write [\"10.0.0.0/8\"]");
    }
    if section.timeout.duration().is_zero() || section.timeout.duration() > LONGEST_TIMEOUT {
        rules.refuse("webhooks.timeout", "a receiver is given at most 30 s, and some time", "write \"20s\"");
    }
    if section.at_once == 0 {
        rules.refuse("webhooks.at_once", "nothing would ever be delivered", "write 4");
    }
    if section.schedule.len() > 50 {
        rules.refuse("webhooks.schedule", "more than 50 pauses", "write at most 50");
    }
}
