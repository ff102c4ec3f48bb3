//! `plimsoll serve`

use std::net::SocketAddr;

use plimsoll::{
    Host,
    host::Launch,
    identity::operate,
    server::{self, Role, Shutdown},
};
use plimsoll_core::{Clock, Seed};

use super::{Outcome, configuration, master, settle};
use crate::{
    arguments::{Global, Serve},
    mounts, output,
};

/// Starts, serves until it is told to stop, and stops without losing anything.
pub async fn run(global: &Global, options: &Serve) -> Outcome {
    let mut flags = Vec::new();
    for (key, value, flag) in [("server.listen", &options.listen, "--listen"), ("server.ops_listen", &options.ops_listen, "--ops-listen")] {
        if let Some(value) = value {
            flags.push((key.to_owned(), value.clone(), flag));
        }
    }
    let config = configuration(global, flags)?;
    let (clock, seed) = (Clock::system(), Seed::system());
    let mounts = mounts::mount(&config);
    let store = plimsoll::database::open(&config, &global.data, &clock, mounts.schemas())?;
    settle(&config, &store, options.migrate).await?;
    let master = master(&config, &global.data, &seed)?;
    let demos = mounts.demos();
    let host = Host::start(Launch { config: config.clone(), store, clock, seed, master, mounts }).await?;

    let public = server::bind(config.get::<plimsoll::edge::ServerConfig>().listen).await?;
    let operations = server::bind(config.get::<plimsoll::edge::ServerConfig>().ops_listen).await?;
    let (address, ops_address) = (public.address()?, operations.address()?);
    let base = format!("{}://{address}", if host.edge.tls() { "https" } else { "http" });
    announce(&host, options, &base, ops_address, &demos).await?;

    let shutdown = Shutdown::on_signals()?;
    server::run(host.clone(), vec![(public, Role::Public), (operations, Role::Operations)], shutdown).await?;
    host.stop().await?;
    Ok(0)
}

async fn announce(host: &Host, options: &Serve, base: &str, operations: SocketAddr, demos: &[plimsoll::host::Demo]) -> Result<(), plimsoll::Error> {
    output::say(&format!("listening on {base}  (metrics and health for operators: http://{operations})"));
    if options.demo {
        let (tenant, key) = operate::demo(host, demos).await?;
        let line = format!(
            "tenant `{}` has sample data; this key reads and writes it and is shown once:\n\n    {}\n\ntry:\n\n    curl -H 'Authorization: Bearer {}' '{base}/v1/songs?page_size=3&include=artist'\n\npages: {base}/ and {base}/docs",
            tenant.slug, key.key, key.key
        );
        output::result(false, &(), |()| line);
    } else if let Some(link) = host.identity.setup_link(base).await? {
        output::result(false, &(), |()| format!("nobody has an account yet; make the first one within 30 minutes:\n\n    {link}"));
    }
    Ok(())
}
