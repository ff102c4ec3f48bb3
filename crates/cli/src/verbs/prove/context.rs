//! What a report has to be told besides findings: what was proven, and what has no meaning here.

use std::{collections::BTreeMap, fs::File, io::Read};

use plimsoll::{
    config::{Config, Profile},
    database,
    practices::PracticesConfig,
};
use plimsoll_assess::{
    Applies,
    report::{Digests, Header, Target},
};
use plimsoll_core::Time;

use super::live::Kind;
use crate::{
    arguments::{Prove, TargetProfile},
    mounts,
};

/// Conditions that a Plimsoll with its native systems does not meet, and why. A practice under one
/// of them is not applicable, unless a probe decided something about it. Each issue that brings
/// one of these things takes its line out. Personal data is not in this list: accounts have e-mail
/// addresses.
const NOT_MOUNTED: &[(Applies, &str)] = &[
    (Applies::Llm, "nothing mounted here calls a language model"),
    (Applies::Retrieval, "nothing mounted here answers from documents"),
    (Applies::Flags, "nothing mounted here switches features by flags"),
];

/// Conditions of a deployment that a private copy on one machine does not meet.
const NOT_A_COPY: &[(Applies, &str)] = &[
    (Applies::Containers, "what was proven is a process on this machine, not an image"),
    (Applies::Kubernetes, "what was proven is a process on this machine, not a workload on Kubernetes"),
    (Applies::Cloud, "what was proven uses no cloud resources"),
    (Applies::Replicas, "what was proven is one instance"),
];

/// What has no meaning for this target. About a foreign service nothing is taken for granted,
/// whether it stands alone or behind a host: what cannot be seen of it stays unknown.
pub fn not_here(options: &Prove, kind: Kind) -> BTreeMap<Applies, String> {
    let tables: &[&[(Applies, &str)]] = match (&options.url, kind) {
        (None, _) => &[NOT_MOUNTED, NOT_A_COPY],
        (Some(_), Kind::Native) => &[NOT_MOUNTED],
        (Some(_), Kind::Mounted | Kind::Stranger) => &[],
    };
    tables.iter().flat_map(|table| table.iter()).map(|(applies, reason)| (*applies, (*reason).to_owned())).collect()
}

/// The head of the report. `time` is the only thing in it that differs between two runs.
pub fn header(config: &Config, options: &Prove, time: Time) -> Header {
    let private = options.url.is_none();
    let ours = options.target_profile == TargetProfile::Plimsoll;
    let mut only = options.only.clone();
    only.sort();
    only.dedup();
    Header {
        tool: "plimsoll prove".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        catalogue: plimsoll_practices::VERSION.into(),
        target: options.url.as_ref().map_or(Target::PrivateCopy, |url| Target::Url { url: url.trim_end_matches('/').to_owned() }),
        database: ours.then(|| if database::shared(config) { "postgresql" } else { "sqlite" }.to_owned()),
        // A private copy runs under the development profile, whatever the deployment does.
        profile: ours.then(|| match config.profile() {
            Profile::Production if !private => "production".to_owned(),
            _ => "development".to_owned(),
        }),
        seed: options.seed,
        only,
        // Not forced to be missing: with `--without` a probe has to find it out by itself.
        without: options.without.clone(),
        off: if private { config.get::<PracticesConfig>().off } else { BTreeMap::new() },
        digests: Digests {
            binary: this_binary(),
            configuration: ours.then(|| format!("sha256:{}", config.digest())),
            openapi: ours.then(|| description(config)).flatten(),
        },
        time,
    }
}

fn this_binary() -> Option<String> {
    let mut file = File::open(std::env::current_exe().ok()?).ok()?;
    let (mut digest, mut part) = (plimsoll_assess::proof::Digest::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut part).ok()? {
            0 => return Some(digest.finish()),
            read => digest.update(&part[..read]),
        }
    }
}

fn description(config: &Config) -> Option<String> {
    let document = mounts::mount(config).describe().ok()?;
    Some(plimsoll_assess::proof::Digest::of(serde_json::to_string(&document).ok()?.as_bytes()))
}
