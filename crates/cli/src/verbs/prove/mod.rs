//! `plimsoll prove`

mod ablate;
mod behind;
mod context;
pub(super) mod earlier;
mod house;
pub(super) mod live;
mod present;
mod private;

use std::sync::Arc;

use plimsoll::{Code, config::Config, database};
use plimsoll_assess::{
    rig::{Site, Trouble},
    run::Found,
};
use plimsoll_core::Clock;

use self::{
    live::{Kind, Target},
    private::{Entry, Workshop},
};
use super::{Outcome, configuration};
use crate::{
    arguments::{Global, Prove, TargetProfile},
    output,
};

/// Attacks a deployment and reports.
pub async fn run(global: &Global, options: &Prove) -> Outcome {
    if let Some(ended) = earlier::asked(global, &options.show) {
        return ended;
    }
    present::check(options)?;
    let config = configuration(global, Vec::new())?;
    let began = Clock::system().now();
    let workshop = Arc::new(Workshop::new(global, &config, options.seed).map_err(failed)?);
    if options.ablate {
        let kind = if database::shared(&config) { "PostgreSQL" } else { "SQLite" };
        let matrix = ablate::matrix(workshop, plimsoll_practices::all(), &options.only, options.near, kind).await.map_err(failed)?;
        output::result(global.json, &matrix, |matrix| matrix.text());
        return Ok(u8::from(!matrix.holds()));
    }
    let chosen = chosen(&options.only)?;
    let (kind, found) = match &options.url {
        None => (Kind::Native, workshop.prove(&chosen, options.without.as_deref()).await.map_err(failed)?),
        Some(url) => {
            let target = Target::allowed(url, &options.allow)?;
            match options.target_profile {
                TargetProfile::Generic => (Kind::Stranger, live::look(&target, options.seed, &chosen).await),
                TargetProfile::Plimsoll => deployment(global, &config, options, &workshop, &target, &chosen).await?,
            }
        }
    };
    present::show(global, options, present::report(&config, options, kind, &found, began))
}

/// The practices that were asked for, or all.
fn chosen(only: &[String]) -> Result<Vec<Entry>, plimsoll::Error> {
    for name in only {
        if plimsoll_practices::named(name).is_none() {
            let known = plimsoll_practices::all().iter().map(|(practice, _)| practice.id);
            let near = plimsoll::config::nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(Code::NotFound.because(format!("there is no practice `{name}`{near}")));
        }
    }
    let wanted = |entry: &&Entry| only.is_empty() || only.iter().any(|name| name == entry.0.id);
    Ok(plimsoll_practices::all().iter().filter(wanted).cloned().collect())
}

/// Attacks a running Plimsoll, and a private instance with what the running one does not grant.
async fn deployment(
    global: &Global,
    config: &Config,
    options: &Prove,
    workshop: &Workshop,
    target: &Target,
    chosen: &[Entry],
) -> Result<(Kind, Found), plimsoll::Error> {
    let site = Site { base: target.base().to_owned(), operations: None };
    let kind = live::kind(&site).await.map_err(failed)?;
    if kind == Kind::Stranger {
        return Err(Code::Refused
            .because(format!("{} is no Plimsoll; add --target-profile generic to look at it as any HTTP service", target.base())));
    }
    let ground = target.ground(global, config, options.seed, options.ops_url.as_deref(), kind == Kind::Native).await;
    if kind == Kind::Mounted {
        return Ok((kind, behind::attack(ground, config, workshop, chosen).await.map_err(failed)?));
    }
    let (here, elsewhere) = live::split(&ground, chosen);
    let (mut found, aside) = tokio::join!(live::attack(ground, &here), workshop.prove(&elsewhere, None));
    let aside = live::elsewhere(aside.map_err(failed)?);
    found.practices.extend(aside.practices);
    found.left.extend(aside.left);
    Ok((kind, found))
}

fn failed(trouble: Trouble) -> plimsoll::Error {
    Code::ProbeFailed.because(trouble.0)
}
