//! The section `[archive]`.

use crate::config::{Config, Rules, Secret, Span};

crate::section! {
    /// Backups: where they lie, under which key, how often, and how long they stay.
    pub struct ArchiveConfig["archive"] {
        /// A folder, or `s3://bucket/prefix`. Not set, backups lie in `backups` in the data folder, which the loss of that disk takes with it.
        pub place: Option<String> = none,
        /// Address of the object store, such as `https://s3.eu-central-1.amazonaws.com` or `http://minio.internal:9000`. Not set, that of Amazon in the region.
        pub endpoint: Option<String> = none,
        /// The region that requests to the object store are signed for.
        pub region: String = "us-east-1",
        /// Who signs requests to the object store.
        pub access_key: Option<Secret> = none,
        /// What requests to the object store are signed with.
        pub secret_key: Option<Secret> = none,
        /// 32 bytes, as 64 hexadecimal digits or in base64, under which the keys of archives are wrapped; one derived from the master key where this is not set. Keep a copy where the archives are not: nobody can open them without it.
        pub key: Option<Secret> = none,
        /// Keys of before that still open archives, until `plimsoll backup rewrap` has wrapped all of them anew.
        pub old_keys: Vec<Secret> = "[]",
        /// Whether backups, drills and pruning happen by themselves.
        pub scheduled: bool = "true",
        /// Whether the change log is kept and shipped to the place, so that any moment since the oldest backup can be restored, to the commit.
        pub point_in_time: bool = "false",
        /// How often what was changed is shipped to the place: this much is lost with the database at most.
        pub ship_every: Span = "5s",
        /// How long between two backups.
        pub every: Span = "24h",
        /// How long between two drills: the newest backup is restored into a scratch database and compared.
        pub drill_every: Span = "7d",
        /// Backups that always stay, the newest ones; never less than 1.
        pub keep_last: u16 = "3",
        /// Days for each of which the newest backup stays.
        pub keep_daily: u16 = "7",
        /// Weeks for each of which the newest backup stays.
        pub keep_weekly: u16 = "4",
        /// Months for each of which the newest backup stays.
        pub keep_monthly: u16 = "12",
        /// The recovery point that is aimed at: how much work may be lost.
        pub rpo: Span = "25h",
        /// The recovery time that is aimed at: how long a restore may take.
        pub rto: Span = "1h",
    }
}

/// A random key has about 30 different bytes; one made up by hand has fewer than this.
const VARIETY: usize = 12;

/// Refuses keys that are none, a policy that keeps nothing, and a place that cannot be.
pub fn rule(config: &Config, rules: &mut Rules<'_>) {
    let section: ArchiveConfig = config.get();
    let fits = |key: &Secret| crate::identity::Master::parse(key.expose()).is_ok_and(|key| key.variety() >= VARIETY);
    let form = "32 bytes, as 64 hexadecimal digits or as base64; `openssl rand -hex 32` makes one";
    if section.key.as_ref().is_some_and(|key| !fits(key)) {
        rules.refuse("archive.key", "this is no key of 32 random bytes", form);
    }
    if !section.old_keys.iter().all(fits) {
        rules.refuse("archive.old_keys", "one of these is no key of 32 random bytes", form);
    }
    if section.keep_last == 0 {
        rules.refuse("archive.keep_last", "a policy that may remove the last backup is none", "write 1 or more");
    }
    for (key, span) in [("archive.every", section.every), ("archive.drill_every", section.drill_every)] {
        if span.duration().as_secs() < 1 {
            rules.refuse(key, "less than a second would do nothing else", "write \"24h\"");
        }
    }
    if let Err(error) = super::depot::place(&section, std::path::Path::new(""), plimsoll_core::Clock::system()) {
        let key = if error.public().contains("endpoint") { "archive.endpoint" } else { "archive.place" };
        rules.refuse(key, error.public(), "");
    }
}
