//! The section `[retention]`.

use std::collections::BTreeMap;

use crate::config::{Config, Rules, Span};

crate::section! {
    /// How long classes of data are kept. `GET /v1/retention` lists them.
    pub struct RetentionConfig["retention"] {
        /// How long between two purges of the same data.
        pub every: Span = "24h",
        /// Class to period, where it shall not be what the class says by itself, such as `{ "deleted-songs" = "90d" }`; `forever` keeps it.
        pub periods: BTreeMap<String, String> = "{}",
    }
}

/// Refuses periods that are none, and purges that would never end.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let section: RetentionConfig = config.get();
    if let Err(error) = super::periods(&section.periods) {
        rules.refuse("retention.periods", error.public(), "write something like { \"ended-sessions\" = \"30d\" }");
    }
    if section.every.duration().as_millis() < 100 {
        rules.refuse("retention.every", "less than a tenth of a second would do nothing else", "write \"24h\"");
    }
}
