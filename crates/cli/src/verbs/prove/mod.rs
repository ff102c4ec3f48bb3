//! `plimsoll prove`

mod ablate;
mod house;
mod private;

use std::sync::Arc;

use plimsoll::{Code, database};
use plimsoll_assess::{Status, rig::Trouble};

use self::private::{Entry, Workshop};
use super::{Outcome, configuration};
use crate::{
    arguments::{Global, Prove},
    output,
};

/// Attacks a deployment and reports.
pub async fn run(global: &Global, options: &Prove) -> Outcome {
    let config = configuration(global, Vec::new())?;
    if options.url.is_some() {
        return Err(Code::Refused.because("only private copies can be proven yet; leave the address out").into());
    }
    let workshop = Arc::new(Workshop::new(global, &config, options.seed).map_err(failed)?);
    if options.ablate {
        let kind = if database::shared(&config) { "PostgreSQL" } else { "SQLite" };
        let matrix = ablate::matrix(workshop, plimsoll_practices::all(), &options.only, kind).await.map_err(failed)?;
        output::result(global.json, &matrix, |matrix| matrix.text());
        return Ok(u8::from(!matrix.holds()));
    }
    let chosen: Vec<Entry> = plimsoll_practices::all()
        .iter()
        .filter(|(practice, _)| options.only.is_empty() || options.only.iter().any(|only| only == practice.id))
        .cloned()
        .collect();
    let found = workshop.prove(&chosen, options.without.as_deref()).await.map_err(failed)?;
    for (id, findings) in &found.practices {
        let status = Status::of(findings.iter().map(|finding| &finding.outcome));
        output::say(&format!("{} {id}", status.name()));
        for finding in findings {
            output::say(&format!("    {} {:?}", finding.check, finding.outcome));
            for line in &finding.transcript {
                output::say(&format!("        {line}"));
            }
        }
    }
    Ok(0)
}

fn failed(trouble: Trouble) -> plimsoll::Error {
    Code::ProbeFailed.because(trouble.0)
}
