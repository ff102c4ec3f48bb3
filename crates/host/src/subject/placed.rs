//! Tombstones beside the archives, so that a machine which knows nothing but the archives' place
//! does not bring anybody back.
//!
//! One small archive per erasure, sealed like every other: `erasure/<id>.plm`. They are never
//! pruned with the backups: an archive that was kept elsewhere may come back after years. The row
//! in the database says when its tombstone was placed; until then every round of the keeper of backups
//! tries again.

use plimsoll_core::{Clock, Code, Result, Seed};
use plimsoll_store::{Pace, Scope, Store, bind};
use serde_json::Value;

use super::tombstone::{self, Stone};
use crate::archive::{
    format::{ArchiveReader, ArchiveWriter, Item, Keys, Kind, Manifest, Outgoing, Table, pipe},
    place::Place,
};

/// What names of placed tombstones begin with.
pub const PREFIX: &str = "erasure/";
const ENDING: &str = ".plm";
const TABLE: &str = "tombstone";
/// So many erasures are placed in one go.
const TOGETHER: i64 = 100;

static PACE: Pace = Pace::new();

/// Writes what is not beside the archives yet; how many erasures.
///
/// # Errors
/// What the place and the database say; what was placed before stays.
pub async fn place(store: &Store, at: &dyn Place, keys: &std::sync::Arc<Keys>, clock: &Clock, seed: &Seed) -> Result<u64> {
    let waiting = |tx: &plimsoll_store::Tx<'_>| -> Result<Vec<String>> {
        tx.rows("SELECT DISTINCT id FROM erasure WHERE placed_at IS NULL ORDER BY id LIMIT :limit", bind! { limit: TOGETHER })
    };
    let mut placed = 0;
    loop {
        let ids = store.read(Scope::Host, &PACE, waiting).await?;
        if ids.is_empty() {
            return Ok(placed);
        }
        for id in ids {
            let wanted = id.clone();
            let stones: Vec<Stone> = store
                .read(Scope::Host, &PACE, move |tx| Ok(tombstone::read(tx)?.into_iter().filter(|one| one.id == wanted).collect()))
                .await?;
            put(at, keys, seed, &id, stones).await?;
            let now = clock.now();
            store
                .commit(Scope::Host, move |tx| {
                    tx.write("UPDATE erasure SET placed_at = :now WHERE id = :id AND placed_at IS NULL", bind! { now: now, id: id })
                })
                .await?;
            placed += 1;
        }
    }
}

async fn put(at: &dyn Place, keys: &std::sync::Arc<Keys>, seed: &Seed, id: &str, stones: Vec<Stone>) -> Result<()> {
    let Some(first) = stones.first() else { return Ok(()) };
    let manifest = Manifest {
        kind: Kind::Subject,
        id: id.to_owned(),
        at: first.at,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        database: "none".into(),
        tenant: None,
        log: None,
        schema: Vec::new(),
    };
    let (sender, body) = pipe();
    let (keys, seed) = (keys.clone(), seed.clone());
    let writing = tokio::task::spawn_blocking(move || -> Result<()> {
        let mut writer = ArchiveWriter::begin(&manifest, &keys, &seed, sender)?;
        writer.table(&Table { name: TABLE.into(), columns: vec!["stone".into()] })?;
        for stone in &stones {
            writer.row(&serde_json::to_vec(stone)?)?;
        }
        writer.finish(Value::Null)?.sink.end()
    });
    let name = format!("{PREFIX}{id}{ENDING}");
    let (put, written) = tokio::join!(at.put(&name, body), writing);
    written??;
    put.map(drop)
}

/// Every tombstone beside the archives.
///
/// # Errors
/// What the place says; [`Code::ArchiveDamaged`], [`Code::ArchiveKey`] and the like for one that
/// cannot be read: a restore that goes on without it could bring a person back.
pub async fn fetch(at: &dyn Place, keys: &std::sync::Arc<Keys>) -> Result<Vec<Stone>> {
    let mut all = Vec::new();
    for object in at.list(PREFIX).await?.into_iter().filter(|object| object.name.ends_with(ENDING)) {
        let body = at.get(&object.name).await?;
        let keys = keys.clone();
        let named = object.name;
        let read = tokio::task::spawn_blocking(move || stones(body, &keys)).await?;
        all.extend(read.map_err(|error| {
            let said = format!("The tombstone {named} cannot be read, and without it an erased person could come back: {}", error.public());
            error.code().because(said)
        })?);
    }
    Ok(all)
}

fn stones(body: Outgoing, keys: &Keys) -> Result<Vec<Stone>> {
    let mut reader = ArchiveReader::open(body, keys)?;
    let mut found = Vec::new();
    while let Some(item) = reader.item()? {
        match item {
            Item::Table(table) if table.name == TABLE => {}
            Item::Table(_) => return Err(Code::ArchiveForeign.because("It holds something else than tombstones.")),
            Item::Row(row) => found.push(serde_json::from_slice(row)?),
        }
    }
    Ok(found)
}
