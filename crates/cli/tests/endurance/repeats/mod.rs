//! Requests that are sent again: one effect, one answer, and an honest word where neither can be promised.
//!
//! The foreign service is a small Python program whose effects outlive it.

mod crashes;
mod mounted;
mod native;
mod parallel;
mod upstream;

use plimsoll_testkit::{
    Db,
    http::{Client, Reply},
    process::Running,
};
use serde_json::{Value, json};

use self::upstream::Upstream;
use crate::service::{Service, binary};

/// A service with a foreign one mounted beside the catalogue.
async fn house(db: Db, upstream: &Upstream, settings: &[(&str, &str)]) -> Service {
    let mounts = format!("{{ \"/shop\" = \"{}\" }}", upstream.url());
    let plimsoll =
        settings.iter().fold(binary().env("PLIMSOLL_SERVICE__MOUNTS", mounts), |plimsoll, (name, value)| plimsoll.env(name, value));
    Service::on(db.ground(), plimsoll).await
}

/// Sends a change with a key.
async fn send(client: &Client, path: &str, key: &str, body: &Value) -> Reply {
    client.post(path).header("idempotency-key", key).json(body.clone()).await
}

/// What a reply says, without what belongs to the moment.
fn said(reply: &Reply) -> (u16, String, Option<String>, Option<String>) {
    let header = |name: &str| reply.header(name).map(str::to_owned);
    (reply.code(), reply.text(), header("location"), header("content-type"))
}

fn replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

/// How many artists have this name.
async fn named(client: &Client, name: &str) -> usize {
    let page = client.get(&format!("/v1/artists?name={name}")).await.expect(200).json();
    page["items"].as_array().unwrap().len()
}

/// The catalogue's change, and the foreign service's, by name.
fn artist(name: &str) -> Value {
    json!({ "name": name })
}

/// Two clients: of this process, and of another one on the same database.
fn clients(service: &Service, running: &[&Running]) -> Vec<Client> {
    running.iter().map(|running| service.client(running)).collect()
}
