//! What probes of the running service say, laid beside what its files say.

use std::{collections::BTreeMap, path::Path};

use plimsoll_assess::{
    Page,
    report::{self, Digests, Gate, Header, Material, Report, Target as About},
};
use plimsoll_core::Clock;
use tokio::runtime::Handle;

use super::{Ended, usage};
use crate::{
    arguments::Assess,
    verbs::prove::{earlier, live},
};

/// A report of probes: read from a file, or made now by looking at an address with reading requests.
pub fn report(options: &Assess) -> Result<Option<Report>, Ended> {
    let Some(named) = &options.live else { return Ok(None) };
    if named.contains("://") {
        return look(named, &options.allow).map(Some);
    }
    let report = earlier::read(Path::new(named))?;
    report::fits_live(&report).map_err(|why| usage(format!("{named}: {why}")))?;
    Ok(Some(report))
}

fn look(url: &str, allowed: &[String]) -> Result<Report, Ended> {
    let target = live::Target::allowed(url.trim_end_matches('/'), allowed)?;
    let began = Clock::system().now();
    let found = Handle::current().block_on(live::look(&target, 0, plimsoll_practices::all()));
    let pages: Vec<&Page> = plimsoll_practices::all().iter().map(|(_, page)| page).collect();
    Ok(report::build(Material {
        pages: &pages,
        findings: &found.practices,
        evidence: &BTreeMap::new(),
        // About a service of somebody else's nothing is taken for granted.
        not_here: &BTreeMap::new(),
        left: &found.left,
        gate: Gate::Claims,
        header: Header {
            tool: "plimsoll assess --live".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            catalogue: plimsoll_practices::VERSION.into(),
            target: About::Url { url: target.base().to_owned() },
            database: None,
            profile: None,
            seed: 0,
            only: Vec::new(),
            without: None,
            off: BTreeMap::new(),
            digests: Digests::default(),
            time: began,
        },
    }))
}
