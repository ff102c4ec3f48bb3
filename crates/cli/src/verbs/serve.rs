//! `plimsoll serve`

use std::{net::SocketAddr, time::Duration};

use plimsoll::{
    Code, Host, Role, database, edge,
    host::{Demo, Launch},
    identity::operate::Desk,
    identity::section::IdentityConfig,
    ledger::Origin,
    practices::PracticesConfig,
    probes,
    route::Empty,
    server::{self, listener, shutdown::Shutdown, tls::Certificates},
};
use plimsoll_core::{Clock, Seed};

use super::{Outcome, configuration, master, settle};
use crate::{
    arguments::{Global, Serve},
    manual, mounts, output,
    rehearsal::{self, Rehearsal},
};

/// Starts, serves until it is told to stop, and stops without losing anything.
pub async fn run(global: &Global, options: &Serve) -> Outcome {
    let mut flags = Vec::new();
    for (key, value, flag) in [("server.listen", &options.listen, "--listen"), ("server.operations", &options.ops_listen, "--ops-listen")] {
        if let Some(value) = value {
            flags.push((key.to_owned(), value.clone(), flag));
        }
    }
    let config = configuration(global, flags)?;
    if options.demo && database::production(&config) {
        return Err(Code::Refused
            .because("sample data and a ready key do not belong into production; leave out --demo, or use the development profile")
            .into());
    }
    if options.rehearsal && database::production(&config) {
        return Err(Code::Refused.because("routes that cause faults do not belong into production; leave out --rehearsal").into());
    }
    let (clock, seed) = (Clock::system(), Seed::system());
    let mut mounts = mounts::mount(&config).manual(manual::leaf);
    if options.rehearsal {
        mounts = mounts.mount::<Rehearsal>(rehearsal::Config::default());
    }
    let store = database::open(&config, &global.data, &clock, mounts.schemas())?;
    settle(&config, &store, options.migrate).await?;
    let master = master(&config, &global.data, &seed)?;
    let demos = mounts.demos();
    let desk = Desk { store: store.clone(), clock: clock.clone(), seed: seed.clone(), config: config.get::<IdentityConfig>().into() };
    let host =
        Host::start(Launch { config: config.clone(), store, clock, seed, master, mounts, proofs: global.data.join("proofs") }).await?;

    let section: edge::config::ServerConfig = config.get();
    let public = listener::bind(section.listen, listener::Role::Public).await?;
    let operations = listener::bind(section.operations, listener::Role::Operations).await?;
    let certificates = certificates(&config.get())?.filter(|_| config.get::<PracticesConfig>().holds("tls"));
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    match &certificates {
        Some(certificates) if config.get::<PracticesConfig>().holds("tls-cert-management") => {
            certificates.watched_by(&host);
            let reload = config.get::<edge::config::TlsConfig>().reload.duration();
            tokio::spawn(certificates.clone().keep_fresh(reload, shutdown.clone()));
        }
        _ => shutdown.on_hangup()?,
    }
    let base = format!("{}://{}", if certificates.is_some() { "https" } else { "http" }, public.address);
    announce(&host, &desk, options, &base, operations.address, &demos).await?;

    let mut settings = server::Settings::new(&section, config.profile());
    if !config.get::<PracticesConfig>().holds("twelve-factor") {
        settings.drain_timeout = Duration::ZERO;
    }
    let drained =
        server::run(host.clone(), vec![public, operations], probes::operations::operations, certificates, settings, shutdown).await;
    host.stop().await?;
    if drained.cut > 0 {
        output::say(&format!("stopped; {} connections were cut because they did not end in time", drained.cut));
    }
    Ok(0)
}

fn certificates(tls: &edge::config::TlsConfig) -> Result<Option<std::sync::Arc<Certificates>>, plimsoll::Error> {
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => Certificates::load(certificate, key).map(Some),
        _ => Ok(None),
    }
}

/// Says where to go next: to sample data with a ready key, or to the first account.
async fn announce(
    host: &Host,
    desk: &Desk,
    options: &Serve,
    base: &str,
    operations: SocketAddr,
    demos: &[Demo],
) -> Result<(), plimsoll::Error> {
    output::say(&format!("listening on {base}  (metrics and health for operators: http://{operations})"));
    if options.demo {
        let key = demo(host, desk, demos).await?;
        let text = format!(
            "tenant `demo` has sample data; this key reads and writes it and is shown once:\n\n    {key}\n\n\
             try:\n\n    curl -H 'Authorization: Bearer {key}' '{base}/v1/songs?page_size=3&include=artist'\n\n\
             the API, with a form to try each call: {base}/docs"
        );
        output::result(false, &(), |()| text);
    }
    if let Some(link) = host.identity.setup_link(base).await? {
        let whose = if options.demo { "to sign in on the page, " } else { "nobody has an account yet: " };
        output::result(false, &(), |()| format!("\n{whose}make the first account within 30 minutes:\n\n    {link}"));
    }
    Ok(())
}

/// Makes the tenant `demo` with sample data, if it is not there yet, and a key for it.
async fn demo(host: &Host, desk: &Desk, demos: &[Demo]) -> Result<String, plimsoll::Error> {
    let known = desk.list_tenants().await?.into_iter().find(|tenant| tenant.slug == "demo");
    let tenant = match known {
        Some(tenant) => tenant,
        None => desk.create_tenant("demo", "Demo").await?,
    };
    let fillers = demos.to_vec();
    host.commit(tenant.id, Origin::host(host.clock.now(), "demo.fill"), move |change| {
        fillers.iter().try_for_each(|fill| fill(change))?;
        Ok(Empty)
    })
    .await?;
    let lifetime = Some(Duration::from_secs(30 * 86_400));
    let made = desk.create_key("demo", "serve --demo", Role::Editor, Vec::new(), lifetime).await?;
    Ok(made.secret)
}
