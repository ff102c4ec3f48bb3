//! `plimsoll worker`: runs jobs, answers no requests.

use plimsoll::{Code, work::config::WorkConfig};

use super::{Outcome, configuration};
use crate::{
    arguments::{Global, Worker},
    launch::{Doors, launch},
    manual, mounts, output,
    rehearsal::{self, Rehearsal},
};

/// Runs jobs until it is told to stop, and stops without losing any.
pub async fn run(global: &Global, options: &Worker) -> Outcome {
    let mut flags: Vec<(String, String, &'static str)> = Vec::new();
    flags.extend(options.ops_listen.clone().map(|address| ("server.operations".to_owned(), address, "--ops-listen")));
    flags.extend(options.slots.map(|slots| ("work.slots".to_owned(), slots.to_string(), "--slots")));
    let config = configuration(global, flags)?;
    if config.get::<WorkConfig>().slots == 0 {
        return Err(Code::ConfigInvalid.because("work.slots is 0, so this process would do nothing; write --slots 4").into());
    }
    if options.rehearsal && plimsoll::database::production(&config) {
        return Err(Code::Refused.because("jobs that cause faults do not belong into production; leave out --rehearsal").into());
    }
    let mut mounts = mounts::mount(&config).manual(manual::leaf);
    if options.rehearsal {
        mounts = mounts.mount::<Rehearsal>(rehearsal::Config::default());
    }
    let schemas = mounts.schemas().to_vec();
    let mut launched = launch(&config, &global.data, &schemas, mounts, options.migrate, Doors::OperationsOnly).await?;
    if !launched.renews {
        launched.shutdown.on_hangup()?;
    }
    output::say(&format!(
        "running jobs, {} at once  (metrics and health for operators: http://{})",
        launched.host.work.slots, launched.operations
    ));
    let drained = launched.serve().await;
    launched.close(drained).await?;
    Ok(0)
}
