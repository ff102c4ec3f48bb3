//! One file per verb.

mod administer;
mod adopt;
mod assess;
mod audit;
mod backup;
mod config;
mod demo;
mod doctor;
mod explain;
mod jobs;
mod migrate;
mod openapi;
mod prove;
mod run;
mod serve;
mod subject;
mod tenant;
mod worker;

use std::path::PathBuf;

use plimsoll::{
    Code, Result, Store,
    archive::Archive,
    config::{Config, Faults, Sources},
    database,
    identity::{Identity, Master, operate::Desk, section::IdentityConfig},
};
use plimsoll_core::{Clock, Seed};
use plimsoll_store::State;

use crate::{
    arguments::{Arguments, Global, Place, Verb},
    mounts, output,
};

/// Runs the verb; the exit code.
pub async fn run(arguments: Arguments) -> u8 {
    let Arguments { global, verb } = arguments;
    let ended = match verb {
        Verb::Serve(options) => serve::run(&global, &options).await,
        Verb::Worker(options) => worker::run(&global, &options).await,
        Verb::Run(options) => run::run(&global, &options).await,
        // Needs the process's first thread for itself: `main` has taken care of it.
        Verb::Shepherd { .. } => Ok(2),
        Verb::Migrate(what) => migrate::run(&global, &what).await,
        Verb::Tenant(what) => administer::tenant(&global, &what).await,
        Verb::User(what) => administer::user(&global, &what).await,
        Verb::Key(what) => administer::key(&global, &what).await,
        Verb::Jobs(what) => jobs::run(&global, &what).await,
        Verb::Subject(what) => subject::run(&global, &what).await,
        Verb::Audit(what) => audit::run(&global, &what).await,
        Verb::Backup(what) => backup::run(&global, &what).await,
        Verb::Config(what) => config::run(&global, &what),
        Verb::Adopt(options) => adopt::run(&global, &options),
        Verb::Assess(options) => tokio::task::block_in_place(|| assess::run(&global, &options)),
        Verb::Prove(options) => prove::run(&global, &options).await,
        Verb::Demo(what) => tokio::task::block_in_place(|| demo::run(&global, &what)),
        Verb::Doctor => doctor::run(&global).await,
        Verb::Openapi => openapi::run(),
        Verb::Explain { what } => explain::run(&global, what.as_deref()),
    };
    match ended {
        Ok(code) | Err(Ended::Reported(code)) => code,
        Err(Ended::Failed(error)) => output::fail(&error),
    }
}

/// Why a verb stopped early.
pub enum Ended {
    /// The reason was printed already.
    Reported(u8),
    /// The reason has still to be printed.
    Failed(plimsoll::Error),
}

impl From<plimsoll::Error> for Ended {
    fn from(error: plimsoll::Error) -> Ended {
        Ended::Failed(error)
    }
}

/// What a verb ends with: an exit code.
pub type Outcome = std::result::Result<u8, Ended>;

/// Reads the configuration: file, environment, flags. Faults are printed, all of them.
pub fn configuration(global: &Global, flags: Vec<(String, String, &'static str)>) -> std::result::Result<Config, Ended> {
    load(global, flags).map_err(|faults| {
        output::say(&faults.to_string());
        Ended::Reported(3)
    })
}

/// Reads the configuration without printing anything.
pub fn load(global: &Global, flags: Vec<(String, String, &'static str)>) -> std::result::Result<Config, Faults> {
    let mut sources = Sources::of_process(global.config.as_deref())?;
    sources.overrides = flags;
    if let Some(url) = &global.database_url {
        sources.overrides.push(("database.url".into(), url.clone(), "--database-url"));
    }
    Config::load(&mounts::schema(), sources)
}

/// What `--listen` and `--ops-listen` say, for [`configuration`].
fn listening(place: &Place) -> Vec<(String, String, &'static str)> {
    let flags = [("server.listen", &place.listen, "--listen"), ("server.operations", &place.ops_listen, "--ops-listen")];
    flags.into_iter().filter_map(|(key, value, flag)| Some((key.to_owned(), value.clone()?, flag))).collect()
}

/// What the administrating verbs work on: no server is needed.
pub struct Ground {
    pub config: Config,
    pub store: Store,
    pub clock: Clock,
    pub seed: Seed,
    pub data: PathBuf,
}

impl Ground {
    /// Opens the database as it is.
    pub fn open(global: &Global) -> std::result::Result<Ground, Ended> {
        let config = configuration(global, Vec::new())?;
        let clock = Clock::system();
        let store = database::open(&config, &global.data, &clock, mounts::mount(&config).schemas())?;
        Ok(Ground { store, clock, seed: Seed::system(), data: global.data.clone(), config })
    }

    /// Opens the database with the schema in place: an embedded one is brought to the newest first.
    pub async fn ready(global: &Global) -> std::result::Result<Ground, Ended> {
        let ground = Ground::open(global)?;
        settle(&ground.config, &ground.store, false).await?;
        Ok(ground)
    }

    /// The key that seals other keys.
    pub fn master(&self) -> Result<Master> {
        master(&self.config, &self.data, &self.seed)
    }

    /// The archives of the database.
    pub fn archive(&self) -> Result<Archive> {
        let (store, clock, seed) = (self.store.clone(), self.clock.clone(), self.seed.clone());
        Archive::new(&self.config, &self.data, store, &self.master()?, clock, seed)
    }

    /// What administration works with.
    pub fn desk(&self) -> Desk {
        let config = self.config.get::<IdentityConfig>().into();
        Desk { store: self.store.clone(), clock: self.clock.clone(), seed: self.seed.clone(), config }
    }

    /// Writes what is open and lets go of the database.
    pub async fn close(self) -> Result<()> {
        self.store.close().await
    }
}

/// The master key: configured, or from the data folder where that is allowed.
pub fn master(config: &Config, data: &std::path::Path, seed: &Seed) -> Result<Master> {
    Identity::master(&config.get::<IdentityConfig>().into(), data, database::shared(config) && database::production(config), seed)
}

/// Brings the schema up to date where that is allowed, or says what to do.
pub async fn settle(config: &Config, store: &Store, allowed: bool) -> Result<()> {
    let state = store.schema_state().await?;
    state.fit()?;
    let pending = state.named(State::Pending);
    if pending.is_empty() {
        return Ok(());
    }
    if database::shared(config) && !allowed {
        return Err(Code::SchemaMismatch.because(format!(
            "the database lacks {} migrations ({}); run `plimsoll migrate up`, or start with `--migrate`",
            pending.len(),
            pending.join(", ")
        )));
    }
    store.migrate_up().await?;
    Ok(())
}
