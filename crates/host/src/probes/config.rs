//! The section `[probes]`.

use crate::config::Span;

crate::section! {
    /// What happens between the start of the process and its first request.
    pub struct ProbesConfig["probes"] {
        /// Whether caches are filled and queries tried before the host says it is ready.
        pub warmup: bool = "true",
        /// How long that may take in all; what is not done by then is left undone and shown as degraded.
        pub warmup_limit: Span = "10s",
    }
}
