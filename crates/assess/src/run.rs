//! Gives every probe a rig and collects what was found.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    Finding, Need, Page, Practice, Probe,
    rig::{Ground, Rig},
    verdict::NOT_GRANTED,
};

/// What a run came to.
#[derive(Debug, Default)]
pub struct Found {
    /// The findings of each practice that has a probe, by id.
    pub practices: BTreeMap<String, Vec<Finding>>,
    /// What could not be tidied up.
    pub left: Vec<String>,
}

/// Which probe of a practice is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The attack on a Plimsoll.
    Attack,
    /// The look at any HTTP service.
    Look,
}

/// Runs the probes of these practices, at most `side_by_side` at the same time. The order of the
/// findings does not depend on which probe is quicker.
pub async fn run(practices: &[(&'static Practice, Page)], ground: Arc<Ground>, manner: Manner, side_by_side: usize) -> Found {
    let places = Arc::new(Semaphore::new(side_by_side.max(1)));
    let mut set = JoinSet::new();
    for (number, (practice, page)) in practices.iter().enumerate() {
        let probe = match manner {
            Manner::Attack => practice.probe,
            Manner::Look => practice.look,
        };
        let Some(probe) = probe else { continue };
        let missing: Vec<&str> = probe.needs.iter().filter(|need| !ground.grants(**need)).map(|need| Need::name(*need)).collect();
        let (ground, places, page, id) = (ground.clone(), places.clone(), page.clone(), practice.id);
        let number = u32::try_from(number).unwrap_or(0);
        if !missing.is_empty() {
            let why = format!("{NOT_GRANTED}{}", missing.join(", "));
            let findings = page.checks.iter().map(|check| Finding::unknown(check.id.clone(), why.clone())).collect();
            set.spawn(async move { (id, findings, Vec::new()) });
            continue;
        }
        set.spawn(async move {
            let _place = places.acquire().await;
            let checks = page.checks.clone();
            // A probe with a bug must not vanish from the report: its checks are unknown, loudly.
            match tokio::spawn(attack(probe, ground, id, page, number)).await {
                Ok(done) => done,
                Err(error) => {
                    let why = if error.is_panic() { "the probe itself panicked" } else { "the probe was ended" }.to_owned();
                    (id, checks.iter().map(|check| Finding::unknown(check.id.clone(), why.clone())).collect(), vec![format!("{id}: {why}")])
                }
            }
        });
    }
    let mut found = Found::default();
    while let Some(done) = set.join_next().await {
        if let Ok((id, findings, left)) = done {
            found.practices.insert(id.to_owned(), findings);
            found.left.extend(left);
        }
    }
    found.left.sort();
    found
}

async fn attack(probe: Probe, ground: Arc<Ground>, id: &'static str, page: Page, number: u32) -> (&'static str, Vec<Finding>, Vec<String>) {
    let mut rig = Rig::new(ground, id, page.checks, number);
    let end = (probe.attack)(&mut rig).await;
    let left = rig.tidy().await;
    (id, rig.conclude(end), left)
}
