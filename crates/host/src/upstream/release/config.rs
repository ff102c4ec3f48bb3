//! A new version beside the old one: the section `[release]`.

use super::{smoke, split};
use crate::{
    config::{Config, Rules, Span},
    flags::Share,
};

crate::section! {
    /// A candidate beside the service of `[service] url`: a share of callers, checks before it gets any, and the way back.
    pub struct ReleaseConfig["release"] {
        /// Where the candidate listens, such as `http://127.0.0.1:8001`. Not set: there is none.
        pub candidate: Option<String> = none,
        /// The share of callers that it gets, such as `5%`. Each caller stays on its side while the share grows.
        pub weight: Share = "0%",
        /// Paths that are asked of the candidate before it gets anything and then again and again, with the status that is expected where it is not 200: `/health, /items 401`. Without any, it gets nothing before `/` is answered without a server error.
        pub smoke: Vec<String> = "",
        /// How often they are asked.
        pub smoke_every: Span = "10s",
        /// How long each may take.
        pub smoke_timeout: Span = "2s",
        /// The share of failures (answers from 500, and none) above which everything returns to the stable service; `off` for none.
        pub failing: String = "5%",
        /// The same above the share of the stable service; `off` for none.
        pub failing_more: String = "off",
        /// The 95th percentile of the time to an answer's head above which everything returns; not set: none.
        pub slow: Option<Span> = none,
        /// The same as a multiple of the stable service's, such as `2.5`; not set: none.
        pub slower: Option<f64> = none,
        /// How far back these bounds look.
        pub window: Span = "1m",
        /// Requests in that time before anything is concluded.
        pub least: u64 = "50",
        /// The share of callers whose reading requests are also sent to the candidate, its answers thrown away; marked `X-Plimsoll-Mirror: true`.
        pub mirror: Share = "0%",
        /// Most mirrored requests under way; what does not fit is not mirrored.
        pub mirror_room: usize = "16",
    }
}

/// Refuses what no release can be made of, each value at its place.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let release: ReleaseConfig = config.get();
    if let Some(url) = &release.candidate
        && let Err(error) = crate::upstream::mount::address(url)
    {
        rules.refuse("release.candidate", error.public(), "");
    }
    for (key, text) in [("release.failing", &release.failing), ("release.failing_more", &release.failing_more)] {
        if split::share(text).is_none() && text != "off" {
            rules.refuse(key, format!("\"{text}\" is no share"), "write a number from 0 to 100 and the sign %, such as 5% or 0.5%");
        }
    }
    if release.slower.is_some_and(|times| !(times.is_finite() && times >= 1.0)) {
        rules.refuse("release.slower", "a multiple is 1 or more", "");
    }
    for text in &release.smoke {
        if let Err(why) = smoke::Look::read(text) {
            rules.refuse("release.smoke", why, "write a path, and the expected status behind it where it is not 200: `/items 401`");
        }
    }
}
