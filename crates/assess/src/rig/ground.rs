//! What a prober was granted.

use std::{path::Path, sync::Arc};

use super::{Collector, Service, Stage};
use crate::{Boxed, Need};

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The public listener, such as `http://127.0.0.1:8080`, without a slash at the end.
    pub base: String,
    /// The operations listener, if it may be asked.
    pub operations: Option<String>,
}

impl Site {
    /// Host and port of the public listener.
    pub fn authority(&self) -> &str {
        self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest)
    }
}

/// A credential whose record is looked at.
#[derive(Debug, Clone, Copy)]
pub enum Kept<'a> {
    /// The password of the account with this e-mail address.
    Password(&'a str),
    /// The API key with this id.
    Key(&'a str),
}

/// What somebody with the database in hand, and without the service's keys, does to a model's row.
#[derive(Debug, Clone, Copy)]
pub struct Altered<'a> {
    /// The tenant's short name.
    pub tenant: &'a str,
    /// The model's number.
    pub model: i64,
    /// Where.
    pub column: Column,
    /// What is replaced, wherever it stands in the column,
    pub from: &'a str,
    /// and by what.
    pub to: &'a str,
}

/// A column of a model's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Its bytes.
    Artefact,
    /// The digest of its bytes.
    Digest,
    /// The mark of whoever released it.
    Signature,
    /// Where its levels begin.
    Thresholds,
}

/// Somebody who may make and remove tenants: at the data itself, not through the front door.
pub trait Operator: Send + Sync {
    /// Makes a scratch tenant; the secret of a key that owns it.
    fn tenant<'a>(&'a self, slug: &'a str) -> Boxed<'a, Result<String, String>>;
    /// What the database keeps of a credential, column by column, as text.
    fn kept<'a>(&'a self, what: Kept<'a>) -> Boxed<'a, Result<String, String>>;
    /// Alters a model behind the service's back; how many rows that changed.
    fn alter<'a>(&'a self, what: Altered<'a>) -> Boxed<'a, Result<u64, String>>;
    /// Removes a scratch tenant with everything in it.
    fn remove<'a>(&'a self, slug: &'a str) -> Boxed<'a, Result<(), String>>;
}

/// Gives private instances what they stand on.
pub trait House: Send + Sync {
    /// An empty database on the server under test, or `None` for the embedded one.
    fn database(&self) -> Boxed<'_, Result<Option<String>, String>>;
    /// Removes a database that [`House::database`] made.
    fn discard<'a>(&'a self, url: &'a str) -> Boxed<'a, ()>;
    /// The operator of an instance.
    fn operator<'a>(&'a self, data: &'a Path, database: Option<&'a str>) -> Boxed<'a, Result<Arc<dyn Operator>, String>>;
}

/// What a prober was granted, and where.
pub struct Ground {
    /// The service.
    pub site: Site,
    /// The seed of the run.
    pub seed: u64,
    /// Whether the service believes what we say about our address.
    pub believed: bool,
    /// Who makes scratch tenants.
    pub operator: Option<Arc<dyn Operator>>,
    /// The file the service logs to, as JSON lines.
    pub log: Option<std::path::PathBuf>,
    /// What receives the service's traces and error reports.
    pub collector: Option<Collector>,
    /// Whether native systems are there, and `/openapi.json` describes them.
    pub native: bool,
    /// The prober's own foreign service behind the service under test.
    pub service: Option<Arc<Service>>,
    /// What starts private instances.
    pub stage: Option<Stage>,
}

impl Ground {
    /// Whether this is granted.
    pub fn grants(&self, need: Need) -> bool {
        match need {
            Need::Tenants => self.operator.is_some(),
            Need::Operations => self.site.operations.is_some(),
            Need::Log => self.log.is_some(),
            Need::Addresses => self.believed,
            Need::Collector => self.collector.is_some(),
            Need::Native => self.native,
            Need::Service => self.service.is_some(),
            Need::Copies => self.stage.is_some(),
        }
    }

    /// The lines of the log so far that are JSON objects.
    pub fn log_lines(&self) -> Vec<serde_json::Value> {
        let text = self.log.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}
