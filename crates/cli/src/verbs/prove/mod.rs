//! `plimsoll prove`

mod house;

use std::{path::PathBuf, sync::Arc};

use plimsoll::{Code, config::Config};
use plimsoll_assess::{
    Page, Practice, Status,
    rig::{Collector, Ground, Stage, Trouble},
    run::{self, Manner},
};

use self::house::Rooms;
use super::{Outcome, configuration};
use crate::{
    arguments::{Global, Prove},
    output,
};

/// How many probes run at the same time.
const SIDE_BY_SIDE: usize = 4;

/// Settings of every private instance. They change how long a probe has to wait, not what is
/// proven: bounds stay bounds.
const REHEARSAL: &[(&str, &str)] = &[
    ("profile", "development"),
    ("server.trusted_proxies", "[\"127.0.0.1\"]"),
    ("server.header_timeout", "1s"),
    ("server.body_timeout", "1s"),
    ("server.handler_timeout", "1s"),
    ("cors.origins", "[\"https://app.probe.example\"]"),
    ("telemetry.format", "json"),
    ("telemetry.trace_ratio", "1"),
];

/// Attacks a deployment and reports.
pub async fn run(global: &Global, options: &Prove) -> Outcome {
    let config = configuration(global, Vec::new())?;
    if options.url.is_some() {
        return Err(Code::Refused.because("only private copies can be proven yet; leave the address out").into());
    }
    let chosen: Vec<(&'static Practice, Page)> = plimsoll_practices::all()
        .iter()
        .filter(|(practice, _)| options.only.is_empty() || options.only.iter().any(|only| only == practice.id))
        .cloned()
        .collect();
    let found = private(global, &config, options.seed, None, &chosen).await.map_err(|trouble| Code::Internal.because(trouble.0))?;
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

/// Runs probes against a private instance, with one practice switched off or none.
pub async fn private(
    global: &Global,
    config: &Config,
    seed: u64,
    off: Option<&str>,
    practices: &[(&'static Practice, Page)],
) -> Result<run::Found, Trouble> {
    let binary = std::env::current_exe().map_err(|error| Trouble::new(format!("the binary cannot be found: {error}")))?;
    let rooms = Rooms::new(global, config).map_err(|error| Trouble::new(error.public().to_owned()))?;
    let mut stage = Stage::new(binary, config_file(global), Arc::new(rooms));
    stage.settings = REHEARSAL.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    if let Some(practice) = off {
        stage.settings.push(("practices.off".to_owned(), format!("{{ \"{practice}\" = \"shown to be missed\" }}")));
    }
    let collector = Collector::start().await?;
    stage.settings.push(("telemetry.otlp_endpoint".to_owned(), collector.base.clone()));
    let copy = stage.start(&[]).await?;
    let ground = Ground {
        site: copy.site().clone(),
        seed,
        believed: true,
        operator: Some(copy.operator().await?),
        log: Some(copy.log_file()),
        collector: Some(collector),
        stage: Some(stage),
    };
    let ground = Arc::new(ground);
    let found = run::run(practices, ground.clone(), Manner::Attack, SIDE_BY_SIDE).await;
    drop(copy);
    if let Some(stage) = &ground.stage {
        stage.close().await;
    }
    Ok(found)
}

fn config_file(global: &Global) -> Option<PathBuf> {
    let given = global.config.clone().or_else(|| Some(PathBuf::from("plimsoll.toml")).filter(|path| path.is_file()));
    given.and_then(|path| std::path::absolute(path).ok())
}
