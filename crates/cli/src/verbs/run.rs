//! `plimsoll run`: a service that is not ours, behind the same stack.

use std::{
    io::IsTerminal,
    sync::{Arc, atomic::Ordering},
};

use plimsoll::{
    Code, Result,
    config::Config,
    database,
    host::Mounts,
    practices::PracticesConfig,
    probes::Weight,
    telemetry::{Redactor, TelemetryConfig},
    upstream::{config::ServiceConfig, lifecycle::Lifecycle},
};
use plimsoll_core::Seed;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{Ended, Outcome, configuration, listening};
use crate::{
    arguments::{Global, Run},
    launch::{Doors, Launched, launch},
    manual, mounts, output,
    supervise::{CommandLine, Facts, Failure, Order, Supervisor, port, signals},
};

/// How many orders may wait for the supervisor.
const ORDERS: usize = 16;
/// The tenant of the key that `--key` prints.
const TENANT: &str = "service";

/// Mounts the service, starts it where there is a command, serves until told to stop.
pub async fn run(global: &Global, options: &Run) -> Outcome {
    let command = CommandLine::of(&options.command);
    if let Some(command) = &command {
        // Before anything is opened or bound: a typing error should cost nothing.
        command.find(std::env::var_os("PATH").as_deref())?;
        if command.names_port() && !options.command.iter().any(|word| word.to_string_lossy().contains("PORT")) {
            output::say("a shell has replaced `$PORT` by nothing; the port was put back where the hole is. Write '$PORT' in single quotes");
        }
    }
    let seed = Seed::system();
    let mut flags = listening(&options.place);
    let started = command.map(|command| port::free(&seed).map(|port| (command, port))).transpose()?;
    match (&started, &options.upstream) {
        (Some((_, port)), _) => flags.push(("service.url".to_owned(), format!("http://127.0.0.1:{port}"), "the command of `run`")),
        (None, Some(url)) => flags.push(("service.url".to_owned(), url.clone(), "--upstream")),
        (None, None) => {}
    }
    let config = configuration(global, flags)?;
    allowed(&config, options)?;

    let mut launched =
        launch(&config, &global.data, mounts::mount(&config).schemas(), Mounts::new().manual(manual::leaf), options.migrate, Doors::All)
            .await?;
    let supervised = match started {
        Some((command, port)) => Some(Supervised::start(&launched, &config, command, port, seed)?),
        None => None,
    };
    // A terminal that is closed means the end; a SIGHUP sent on purpose means the service.
    let at_terminal = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
    let hangup_is_free = !launched.renews;
    if let Some(supervised) = &supervised {
        signals::forward(&supervised.orders, hangup_is_free && !at_terminal)?;
    }
    if hangup_is_free && (supervised.is_none() || at_terminal) {
        launched.shutdown.on_hangup()?;
    }
    launched.announce();
    greet(&launched, options).await?;
    let drained = launched.serve().await;
    let failed = match supervised {
        Some(supervised) => supervised.stop().await,
        None => None,
    };
    launched.close(drained).await?;
    match failed {
        Some(failure) => Err(explained(failure)),
        None => Ok(0),
    }
}

/// Refuses what would serve nothing, and what does not belong into production.
fn allowed(config: &Config, options: &Run) -> std::result::Result<(), Ended> {
    let service: ServiceConfig = config.get();
    if service.url.is_none() && service.mounts.is_empty() {
        let text =
            "nothing to run: write the command that starts the service behind `--`, or the address of one that runs behind `--upstream`";
        return Err(Code::Invalid.because(text).into());
    }
    if options.key && database::production(config) {
        let text = "a ready key does not belong into production; leave out --key and make one with `plimsoll key create`";
        return Err(Code::Refused.because(text).into());
    }
    Ok(())
}

/// Says where to go next: a ready key, or the first account.
async fn greet(launched: &Launched, options: &Run) -> Result<()> {
    if options.key {
        let tenant = launched.tenant(TENANT, "Service").await?;
        let (key, base) = (launched.key(&tenant, "run --key").await?, &launched.base);
        output::result(false, &(), |()| {
            format!(
                "this key of the tenant `{TENANT}` opens the service and is shown once:\n\n    {key}\n\ntry:\n\n    curl -H 'Authorization: Bearer {key}' '{base}/'"
            )
        });
    }
    launched.invite("nobody has an account yet: ").await
}

/// A supervisor at work.
struct Supervised {
    orders: mpsc::Sender<Order>,
    work: JoinHandle<std::result::Result<(), Failure>>,
}

impl Supervised {
    /// Starts the service. When it fails for good, the end begins.
    fn start(launched: &Launched, config: &Config, command: CommandLine, port: u16, seed: Seed) -> Result<Supervised> {
        let (state, told) = watch::channel(Lifecycle::Starting);
        let main = launched.host.upstreams.mounts().find(|mount| mount.prefix.is_empty());
        let main = main.ok_or_else(|| Code::Internal.because("the service that was started is not mounted"))?;
        main.supervised(told.clone());
        let service: ServiceConfig = config.get();
        let facts: Arc<Facts> = Arc::default();
        let (counted, name) = (facts.clone(), service.name.clone());
        launched.host.telemetry.metrics.collect(move |page| {
            page.counter(
                "plimsoll_service_starts_total",
                "Processes of the service that were started.",
                counted.starts.load(Ordering::Relaxed),
            );
            let now = *told.borrow();
            page.family("plimsoll_service_state", "gauge", "Where the service's process stands: 1 for the state it is in.");
            for state in [Lifecycle::Starting, Lifecycle::Ready, Lifecycle::Restarting, Lifecycle::Stopped] {
                page.sample("plimsoll_service_state", &[("service", &name), ("state", state.name())], u8::from(state == now));
            }
        });
        if database::production(config) {
            let facts = facts.clone();
            launched.host.health.check("service-exposed", Weight::Attention, move || {
                let exposed = facts.exposed.load(Ordering::Relaxed);
                Box::pin(async move {
                    let text = "the service can be reached from other machines past the host; bind it to 127.0.0.1";
                    if exposed { Err(Code::ConfigInvalid.because(text)) } else { Ok(()) }
                })
            });
        }
        let telemetry: TelemetryConfig = config.get();
        let redactor = Redactor::new(&telemetry.personal_fields, config.get::<PracticesConfig>().holds("log-redaction"));
        let supervisor = Supervisor { command, port, config: service, seed, redactor, state, facts };
        let (orders, received) = mpsc::channel(ORDERS);
        let shutdown = launched.shutdown.clone();
        let work = tokio::spawn(async move {
            let done = supervisor.run(received).await;
            shutdown.begin();
            done
        });
        Ok(Supervised { orders, work })
    }

    /// Ends the service, unless it has failed; then why.
    async fn stop(self) -> Option<Failure> {
        // Nobody receives any more where it has ended already.
        let _ = self.orders.send(Order::Stop).await;
        match self.work.await {
            Ok(done) => done.err(),
            Err(panicked) => Some(Failure { error: Code::Internal.because("the supervisor failed").caused_by(panicked), last: Vec::new() }),
        }
    }
}

/// Prints why the service was given up, with the last lines it printed.
fn explained(failure: Failure) -> Ended {
    if !failure.last.is_empty() {
        output::say("the last lines of the service:");
        failure.last.iter().for_each(|line| output::say(&format!("    {line}")));
    }
    Ended::Reported(output::fail(&failure.error))
}
