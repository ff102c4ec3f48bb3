//! Private instances: the same binary and configuration on empty data, for a proof to attack.

use std::{path::PathBuf, sync::Arc};

use plimsoll::config::Config;
use plimsoll_assess::{
    Page, Practice,
    rig::{Collector, Ground, Service, Stage, Trouble, mounts},
    run::{self, Found, Manner},
};

use super::house::Rooms;
use crate::arguments::Global;

/// How many probes run at the same time.
const SIDE_BY_SIDE: usize = 4;

/// Settings of every private instance. They let a probe wait less and be told apart from its
/// neighbours; what is proven are the bounds, wherever they are set.
const REHEARSAL: &[(&str, &str)] = &[
    ("profile", "development"),
    ("server.trusted_proxies", "[\"127.0.0.1\"]"),
    ("cors.origins", "[\"https://app.probe.example\"]"),
    ("telemetry.format", "json"),
    ("telemetry.trace_ratio", "1"),
    // A backup that falls into another practice's minute would be in its transcript.
    ("archive.scheduled", "false"),
    // What the deployment has behind it must not be attacked by way of a copy: the prober's own
    // service stands in its place, below a prefix of its own.
    ("service.url", ""),
    ("service.yields", ""),
    ("routes.default", "authenticated"),
    ("routes.rules", MOUNTED),
];

/// Who may ask the prober's service for what; the rest needs a credential.
const MOUNTED: &str = r#"{ "/mounted/open/{*rest}" = "public: the prober's own service on a private instance", "/mounted/editors/{*rest}" = "mounted:write editor", "/mounted/closed/{*rest}" = "deny" }"#;

/// A practice of the catalogue with its page.
pub type Entry = (&'static Practice, Page);

/// What private instances are made of.
pub struct Workshop {
    global: Global,
    /// Shared by all runs, so that a database is migrated once and then copied.
    rooms: Arc<Rooms>,
    binary: PathBuf,
    seed: u64,
}

impl Workshop {
    /// For this configuration.
    ///
    /// # Errors
    /// When this very binary cannot be found, or the address of the database cannot be read.
    pub fn new(global: &Global, config: &Config, seed: u64) -> Result<Workshop, Trouble> {
        let binary = std::env::current_exe().map_err(|error| Trouble::new(format!("this binary cannot be found: {error}")))?;
        let rooms = Rooms::new(global, config).map_err(|error| Trouble::new(error.public().to_owned()))?;
        Ok(Workshop { global: global.clone(), rooms: Arc::new(rooms), binary, seed })
    }

    /// Attacks a private instance with one practice switched off, or none.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn prove(&self, practices: &[Entry], off: Option<&str>) -> Result<Found, Trouble> {
        let mut stage = Stage::new(self.binary.clone(), config_file(&self.global), self.rooms.clone());
        stage.settings = REHEARSAL.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        stage.variables = inherited();
        if let Some(practice) = off {
            stage.settings.push(("practices.off".to_owned(), format!("{{ \"{practice}\" = \"shown to be missed\" }}")));
        }
        let collector = Collector::start().await?;
        stage.settings.push(("telemetry.otlp_endpoint".to_owned(), collector.base.clone()));
        let service = Arc::new(Service::start().await?);
        stage.settings.push(("service.mounts".to_owned(), mounts(&service)));
        let copy = stage.start(&[]).await?;
        let ground = Arc::new(Ground {
            site: copy.site().clone(),
            seed: self.seed,
            believed: true,
            operator: Some(copy.operator().await?),
            log: Some(copy.log_file()),
            collector: Some(collector),
            native: true,
            service: Some(service),
            stage: Some(stage),
        });
        let found = run::run(practices, ground.clone(), Manner::Attack, SIDE_BY_SIDE).await;
        drop(copy);
        if let Some(stage) = &ground.stage {
            stage.close().await;
        }
        Ok(found)
    }
}

/// The configuration that the environment holds, without the database of the deployment itself.
fn inherited() -> Vec<(String, String)> {
    let all = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    all.filter(|(name, _)| name.starts_with("PLIMSOLL_") && name.contains("__") && !name.starts_with("PLIMSOLL_DATABASE__URL")).collect()
}

fn config_file(global: &Global) -> Option<PathBuf> {
    let given = global.config.clone().or_else(|| Some(PathBuf::from("plimsoll.toml")).filter(|path| path.is_file()));
    given.and_then(|path| std::path::absolute(path).ok())
}
