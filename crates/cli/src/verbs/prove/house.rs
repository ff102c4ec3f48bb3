//! What private instances stand on: databases of their own, and an operator who makes tenants.

use std::{path::Path, sync::Arc};

use plimsoll::{Role, config::Config, database, identity::operate::Desk, identity::section::IdentityConfig};
use plimsoll_assess::{
    Boxed,
    rig::{Altered, Column, House, Kept, Operator},
};
use plimsoll_core::{Clock, Seed};
use plimsoll_store::{Pace, Scope, Tx, bind, scratch::Yard};

use crate::{arguments::Global, mounts, output, verbs};

/// The house of one run.
pub struct Rooms {
    global: Global,
    /// Where scratch databases are made; `None` for the embedded database.
    yard: Option<Yard>,
}

impl Rooms {
    /// For the kind of database that this configuration names.
    ///
    /// # Errors
    /// An address that cannot be read.
    pub fn new(global: &Global, config: &Config) -> Result<Rooms, plimsoll::Error> {
        let settings = database::settings(config, &global.data, &Clock::system());
        let yard = database::shared(config).then(|| Yard::new(&settings, mounts::mount(config).schemas())).transpose()?;
        Ok(Rooms { global: global.clone(), yard })
    }
}

impl House for Rooms {
    fn database(&self) -> Boxed<'_, Result<Option<String>, String>> {
        Box::pin(async move {
            match &self.yard {
                None => Ok(None),
                Some(yard) => yard.create().await.map(Some).map_err(|error| told(&error)),
            }
        })
    }

    fn discard<'a>(&'a self, url: &'a str) -> Boxed<'a, ()> {
        Box::pin(async move {
            if let Some(yard) = &self.yard
                && let Err(error) = yard.discard(url).await
            {
                output::say(&format!("a scratch database was left on the server: {}", told(&error)));
            }
        })
    }

    fn operator<'a>(&'a self, data: &'a Path, database: Option<&'a str>) -> Boxed<'a, Result<Arc<dyn Operator>, String>> {
        Box::pin(async move {
            let global = Global { data: data.to_path_buf(), database_url: database.map(str::to_owned), ..self.global.clone() };
            let office = Office::open(&global).map_err(|error| error.to_string())?;
            Ok(Arc::new(office) as Arc<dyn Operator>)
        })
    }
}

/// A fault in words for whoever runs the proof.
fn told(error: &plimsoll::Error) -> String {
    error.cause().map_or_else(|| error.public().to_owned(), |cause| format!("{} ({cause})", error.public()))
}

/// An operator with the data in hand.
pub struct Office {
    desk: Desk,
}

impl Office {
    /// Opens the data as it is.
    pub fn open(global: &Global) -> Result<Office, plimsoll::Error> {
        let config = verbs::load(global, Vec::new()).map_err(|faults| plimsoll::Code::ConfigInvalid.because(faults.to_string()))?;
        let (clock, seed) = (Clock::system(), Seed::system());
        let store = database::open(&config, &global.data, &clock, mounts::mount(&config).schemas())?;
        Ok(Office { desk: Desk { store, clock, seed, config: config.get::<IdentityConfig>().into() } })
    }
}

impl Operator for Office {
    fn tenant<'a>(&'a self, slug: &'a str) -> Boxed<'a, Result<String, String>> {
        Box::pin(async move {
            self.desk.create_scratch_tenant(slug).await.map_err(|error| error.to_string())?;
            let key = self.desk.create_key(slug, "probe", Role::Owner, Vec::new(), None).await.map_err(|error| error.to_string())?;
            Ok(key.secret)
        })
    }

    fn kept<'a>(&'a self, what: Kept<'a>) -> Boxed<'a, Result<String, String>> {
        static PACE: Pace = Pace::new();
        Box::pin(async move {
            let read = match what {
                Kept::Password(email) => {
                    let email = email.to_owned();
                    let row =
                        move |tx: &Tx<'_>| tx.row::<String>("SELECT password FROM person WHERE email = :email", bind! { email: email });
                    self.desk.store.read(Scope::Host, &PACE, row).await
                }
                Kept::Key(id) => {
                    let id = id.to_owned();
                    let row = move |tx: &Tx<'_>| {
                        let (name, hint, hash, by): (String, String, Vec<u8>, String) =
                            tx.row("SELECT name, hint, hash, created_by FROM api_key WHERE id = :id", bind! { id: id })?;
                        Ok(format!("name={name} hint={hint} created_by={by} hash={}", String::from_utf8_lossy(&hash)))
                    };
                    self.desk.store.read(Scope::Host, &PACE, row).await
                }
            };
            read.map_err(|error| error.to_string())
        })
    }

    fn alter<'a>(&'a self, what: Altered<'a>) -> Boxed<'a, Result<u64, String>> {
        let sql = match what.column {
            Column::Artefact => "UPDATE model SET artifact = REPLACE(artifact, :from, :to) WHERE tenant_id = :tenant AND id = :id",
            Column::Digest => "UPDATE model SET sha256 = REPLACE(sha256, :from, :to) WHERE tenant_id = :tenant AND id = :id",
            Column::Signature => "UPDATE model SET signature = REPLACE(signature, :from, :to) WHERE tenant_id = :tenant AND id = :id",
            Column::Thresholds => "UPDATE model SET thresholds = REPLACE(thresholds, :from, :to) WHERE tenant_id = :tenant AND id = :id",
        };
        Box::pin(async move {
            let tenant = self.desk.tenant(what.tenant).await.map_err(|error| error.to_string())?;
            let (id, from, to) = (what.model, what.from.to_owned(), what.to.to_owned());
            let change = move |tx: &mut Tx<'_>| tx.write(sql, bind! { id: id, from: from, to: to });
            self.desk.store.commit(Scope::Tenant(tenant.id), change).await.map_err(|error| error.to_string())
        })
    }

    fn remove<'a>(&'a self, slug: &'a str) -> Boxed<'a, Result<(), String>> {
        Box::pin(async move { self.desk.remove_scratch_tenant(slug).await.map_err(|error| error.to_string()) })
    }
}
