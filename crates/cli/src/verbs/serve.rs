//! `plimsoll serve`

use plimsoll::{Code, database, host::Demo, ledger::Origin, route::Empty};

use super::{Outcome, configuration, listening};
use crate::{
    arguments::{Global, Serve},
    launch::{Doors, Launched, launch},
    manual, mounts, output,
    rehearsal::{self, Rehearsal},
};

/// Starts, serves until it is told to stop, and stops without losing anything.
pub async fn run(global: &Global, options: &Serve) -> Outcome {
    let config = configuration(global, listening(&options.place))?;
    if options.demo && database::production(&config) {
        return Err(Code::Refused
            .because("sample data and a ready key do not belong into production; leave out --demo, or use the development profile")
            .into());
    }
    if options.rehearsal && database::production(&config) {
        return Err(Code::Refused.because("routes that cause faults do not belong into production; leave out --rehearsal").into());
    }
    let mut mounts = mounts::mount(&config).manual(manual::leaf);
    if options.rehearsal {
        mounts = mounts.mount::<Rehearsal>(rehearsal::Config::default());
    }
    let (demos, schemas) = (mounts.demos(), mounts.schemas().to_vec());
    let mut launched = launch(&config, &global.data, &schemas, mounts, options.migrate, Doors::All).await?;
    if !launched.renews {
        launched.shutdown.on_hangup()?;
    }
    launched.announce();
    if options.demo {
        demo(&launched, &demos).await?;
    }
    launched.invite(if options.demo { "to sign in on the page, " } else { "nobody has an account yet: " }).await?;
    let drained = launched.serve().await;
    launched.close(drained).await?;
    Ok(0)
}

/// Fills the tenant `demo` with sample data and prints a key for it, with where to go next.
async fn demo(launched: &Launched, demos: &[Demo]) -> Result<(), plimsoll::Error> {
    let tenant = launched.tenant("demo", "Demo").await?;
    let (host, fillers) = (&launched.host, demos.to_vec());
    host.commit(tenant.id, Origin::host(host.clock.now(), "demo.fill"), move |change| {
        fillers.iter().try_for_each(|fill| fill(change))?;
        Ok(Empty)
    })
    .await?;
    let (key, base) = (launched.key(&tenant, "serve --demo").await?, &launched.base);
    let text = format!(
        "tenant `demo` has sample data; this key reads and writes it and is shown once:\n\n    {key}\n\n\
         try:\n\n    curl -H 'Authorization: Bearer {key}' '{base}/v1/songs?page_size=3&include=artist'\n\n\
         the API, with a form to try each call: {base}/docs"
    );
    output::result(false, &(), |()| text);
    Ok(())
}
