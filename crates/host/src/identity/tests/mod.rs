//! The engine against a real SQLite file: no server, a clock moved by hand.

mod login;
mod operator;
mod resolving;
mod rights;
mod served;
mod signing;

use std::{collections::HashMap, path::PathBuf, time::Duration};

use plimsoll_core::{Clock, Code, Principal, Role, Seed, SessionId, TenantId, Time, UserId};
use plimsoll_store::{Pace, Place, Schema, Scope, Settings, Store};

use super::{
    Config, Identity, Master, SCHEMA,
    operate::{self, Desk},
    resolve::{Enforced, Presented},
    secret::{Token, hex},
    session::Opening,
};
use crate::ledger::{self, Origin};

static PACE: Pace = Pace::new();
const PASSWORD: &str = "seven wet herons argue";

/// A database of its own, removed when dropped, and an engine on it.
struct Bench {
    store: Store,
    clock: Clock,
    identity: Identity,
    desk: Desk,
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn master() -> Master {
    Master::from_bytes([9; 32])
}

impl Bench {
    async fn new() -> Bench {
        Bench::with(Config::default(), &[]).await
    }

    async fn with(config: Config, more: &[Schema]) -> Bench {
        let folder = std::env::temp_dir().join(format!("plimsoll-identity-{}", hex(&Seed::system().bytes::<8>())));
        std::fs::create_dir(&folder).unwrap();
        let clock = Clock::manual(Time::parse("2026-11-21T10:00:00Z").unwrap());
        let settings =
            Settings { place: Place::Sqlite { path: folder.join("test.db") }, readers: 2, clock: clock.clone(), ..Settings::default() };
        let schemas: Vec<Schema> = [
            ledger::SCHEMA,
            SCHEMA,
            crate::retention::SCHEMA,
            crate::work::SCHEMA,
            crate::work::events::SCHEMA,
            crate::work::webhooks::SCHEMA,
        ]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
        let store = Store::open(settings, &schemas).unwrap();
        store.migrate_up().await.unwrap();
        let desk = Desk { store: store.clone(), clock: clock.clone(), seed: Seed::system(), config };
        let identity = Bench::engine(&desk).await;
        Bench { store, clock, identity, desk, folder }
    }

    /// Another process on the same database.
    async fn engine(desk: &Desk) -> Identity {
        let public = HashMap::from([("songbook", "acme".to_owned())]);
        let (store, clock, seed) = (desk.store.clone(), desk.clock.clone(), desk.seed.clone());
        Identity::start(desk.config.clone(), store, clock, seed, master(), public).await.unwrap()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The tenant `acme` with an owner.
    async fn acme(&self) -> (TenantId, UserId) {
        let tenant = self.desk.create_tenant("acme", "Acme").await.unwrap().id;
        let owner = self.desk.create_user("acme", "owner@acme.example", Role::Owner, Some(PASSWORD)).await.unwrap().id;
        (tenant, owner)
    }

    /// A session as a login stores it; the token is the cookie's or the refresh token's.
    async fn session(&self, tenant: TenantId, person: UserId, cookie: bool) -> (SessionId, String) {
        let now = self.clock.now();
        let token = Token::new("", &Seed::system());
        let text = token.text.to_string();
        let id = SessionId::new(now, &Seed::system());
        let expires_at = now.plus(self.desk.config.session_lifetime);
        let opening = Opening { id, person, address: "192.0.2.7".parse().unwrap(), agent: None, expires_at, token, cookie };
        let idle = self.desk.config.session_idle;
        let stored =
            operate::commit(&self.store, tenant, Origin::host(now, "test"), move |change| Identity::open_session(change, &opening, idle));
        stored.await.unwrap();
        (id, text)
    }

    /// Who presents it: the principal, or code and reason of the refusal.
    async fn who(&self, engine: &Identity, presented: Presented) -> Result<Principal, (Code, &'static str)> {
        let now = self.clock.now();
        if let Some(who) = engine.remembered(&presented.cache_key(), now) {
            return Ok(who);
        }
        let enforced = Enforced::ALL;
        engine.resolve(enforced, &presented, now).await.map_err(|refusal| (refusal.error.code(), refusal.error.reason().unwrap_or("")))
    }

    async fn bearer(&self, text: &str) -> Result<Principal, (Code, &'static str)> {
        self.who(&self.identity, Presented::Bearer(text.to_owned())).await
    }

    /// The actions in a tenant's ledger, oldest first, after checking its chain.
    async fn actions(&self, tenant: TenantId) -> Vec<String> {
        let read = self.store.read(Scope::Tenant(tenant), &PACE, |tx| {
            assert_eq!(ledger::chain::verify(tx)?.broken, None);
            tx.rows::<String>("SELECT action FROM ledger WHERE tenant_id = :tenant ORDER BY seq", &[])
        });
        read.await.unwrap()
    }
}
