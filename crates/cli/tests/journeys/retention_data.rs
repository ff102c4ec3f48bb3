//! Records of people on treatment as files: what goes in, what is refused, what comes out again.

mod doubt;
mod everybody;
mod files;
mod forgotten;
mod formats;
mod interrupted;
mod made_up;
mod packed;
mod refused;
mod rows;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use plimsoll_testkit::{Db, wait};
use serde_json::{Value, json};

use crate::house::{Caller, House};

const BOUND: Duration = Duration::from_secs(120);

/// A server with an inbox; further settings.
async fn opened(db: Db, settings: &[(&str, &str)]) -> (House, PathBuf) {
    let ground = db.ground();
    let inbox = ground.data.join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    let mut all = vec![("PLIMSOLL_TREATMENT__INBOX", inbox.to_str().unwrap()), ("PLIMSOLL_WORK__LEASE", "2s")];
    all.extend_from_slice(settings);
    let house = House::on(ground, &all, &[]).await;
    (house, inbox)
}

/// Hands a file over and waits for its end.
async fn uploaded(caller: &Caller, query: &str, bytes: Vec<u8>) -> Value {
    let made = caller.post(&format!("/v1/ingest?{query}")).header("content-type", "application/octet-stream").body(bytes).await.expect(201);
    ended(caller, made.at("/id").as_i64().unwrap()).await
}

/// Has a file of the inbox worked off and waits for its end.
async fn collected(caller: &Caller, file: &str) -> Value {
    let made = caller.post("/v1/ingest/inbox").json(json!({ "file": file })).await.expect(201);
    ended(caller, made.at("/id").as_i64().unwrap()).await
}

/// Waits until a file is over, well or not.
async fn ended(caller: &Caller, id: i64) -> Value {
    let read = || async { caller.get(&format!("/v1/ingest/{id}")).await.expect(200).json() };
    wait::until(BOUND, || async { ["done", "failed"].contains(&read().await["state"].as_str().unwrap()) }).await;
    read().await
}

/// What a file did: added, changed, unchanged, older, rejected.
fn counts(batch: &Value) -> [i64; 5] {
    ["added", "changed", "unchanged", "older", "rejected"].map(|name| batch[name].as_i64().unwrap())
}

/// Everybody with everything known of them, by identity at the source and without what the host adds.
async fn everybody(caller: &Caller) -> BTreeMap<String, (Value, Value)> {
    let mut all = BTreeMap::new();
    let list = caller.get("/v1/patients?page_size=100").await.expect(200).json();
    for mut person in list["items"].as_array().unwrap().clone() {
        let id = person["id"].clone();
        let mut record = caller.get(&format!("/v1/patients/{id}/record")).await.expect(200).json();
        record.as_object_mut().unwrap().remove("patient_id");
        for name in ["id", "version", "created_at", "updated_at", "deleted_at"] {
            person.as_object_mut().unwrap().remove(name);
        }
        all.insert(person["uuid"].as_str().unwrap().to_owned(), (person, record));
    }
    all
}
