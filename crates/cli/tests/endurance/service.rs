//! A service to torment: the binary, a tenant with a key, and what is in its catalogue.

use std::{collections::BTreeMap, ffi::OsString};

use plimsoll_testkit::{
    Db,
    both::Ground,
    http::{Client, Reply},
    process::{Plimsoll, Running},
};
use serde_json::json;

/// Quotas that a test about something else must not meet.
const QUOTAS: [&str; 5] = ["ADDRESS", "PRINCIPAL", "TENANT", "WRITE", "AUTH"];

/// The binary on fresh ground, with the tenant `acme` and a key of its owner.
pub struct Service {
    /// How to start it.
    pub plimsoll: Plimsoll,
    /// The key.
    pub key: String,
    /// Its data, which goes with it.
    _ground: Ground,
}

impl Service {
    /// On the database of a test that runs on both.
    pub async fn new(db: Db) -> Service {
        Service::on(db.ground(), binary()).await
    }

    /// On this ground, run like this.
    pub async fn on(ground: Ground, plimsoll: Plimsoll) -> Service {
        let plimsoll = generous(plimsoll.on(&ground));
        plimsoll.run(["migrate", "up"]).await.expect(0);
        let key = key(&plimsoll).await;
        Service { plimsoll, key, _ground: ground }
    }

    /// A client of a running process that shows the key.
    pub fn client(&self, running: &Running) -> Client {
        running.client().with_bearer(&self.key)
    }
}

/// The binary under test, with data of its own.
pub fn binary() -> Plimsoll {
    Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll"))
}

/// Without quotas: one client does here what otherwise a thousand do.
pub fn generous(plimsoll: Plimsoll) -> Plimsoll {
    QUOTAS.iter().fold(plimsoll, |plimsoll, quota| plimsoll.env(format!("PLIMSOLL_LIMITS__{quota}"), "off"))
}

/// Makes the tenant `acme` and a key of its owner.
pub async fn key(plimsoll: &Plimsoll) -> String {
    plimsoll.run(["tenant", "create", "acme"]).await.expect(0);
    let made = plimsoll.run(["key", "create", "--tenant", "acme", "--role", "owner", "--json"]).await.expect(0);
    made.json()["key"].as_str().unwrap().to_owned()
}

/// Adds an artist.
pub async fn add(client: &Client, name: &str) -> Reply {
    client.post("/v1/artists").json(json!({ "name": name })).await
}

/// Every artist, walked by cursor: ids by name. Checks on the way that no id and no name comes
/// twice, and that the total is what was walked, so nobody may make artists meanwhile.
pub async fn artists(client: &Client) -> BTreeMap<String, i64> {
    let found = walk(client).await;
    let total = client.get("/v1/artists?page_size=1").await.expect(200).at("/pagination/total_items");
    assert_eq!(total, found.len(), "the tally and the rows differ");
    found
}

/// The same while artists are made.
pub async fn walk(client: &Client) -> BTreeMap<String, i64> {
    let (mut found, mut ids) = (BTreeMap::new(), std::collections::BTreeSet::new());
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let page = client.get(&format!("/v1/artists?page_size=100&cursor={cursor}")).await.expect(200).json();
        for item in page["items"].as_array().unwrap() {
            let (name, id) = (item["name"].as_str().unwrap().to_owned(), item["id"].as_i64().unwrap());
            assert!(ids.insert(id), "the id {id} comes twice");
            assert!(found.insert(name.clone(), id).is_none(), "the artist {name} is there twice");
        }
        next = page["pagination"]["next_cursor"].as_str().map(str::to_owned);
    }
    found
}

/// Fails unless the tenant's chain of ledger entries is whole.
pub async fn ledger_is_intact(client: &Client) {
    let checked = client.get("/v1/audit/verify").await.expect(200);
    assert_eq!(checked.at("/intact"), true, "{checked}");
}

/// A number from the environment of the test, or `otherwise`.
pub fn number(name: &str, otherwise: u64) -> u64 {
    let set: Option<OsString> = std::env::var_os(name).filter(|value| !value.is_empty());
    set.map_or(otherwise, |value| value.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} is not a number")))
}

/// A figure from `/proc/PID/status`, in KiB.
pub fn status_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_else(|| panic!("no {field} in {status}"));
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}
