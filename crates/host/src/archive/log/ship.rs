//! Out of the database, to the place.

use std::{sync::Arc, time::Duration};

use plimsoll_core::{Code, Result, Seed, Time};
use plimsoll_store::{Pace, Scope, Store, Tx, Value, log::Entry, put_values};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::segment::{name, seen, segments};
use crate::{
    archive::{
        format::{ArchiveWriter, Incoming, Keys, Kind, LogPoint, Manifest, Sink, Table, pipe},
        place::Place,
    },
    identity::hex,
};

static PACE: Pace = Pace::new();

/// A segment holds about so many bytes of changes at most; a transaction is never parted.
const ENOUGH: usize = 4 << 20;
/// How long a shipper may take for a segment before another process takes over. Two that ship the
/// same do no harm, each entry counts once; one that was killed holds up the next for as long.
const TERM: Duration = Duration::from_secs(30);
/// How often a shipper that has nothing to do says that it has looked.
const IDLE: Duration = Duration::from_secs(30);

/// The columns of a segment's only table.
pub(super) const COLUMNS: [&str; 4] = ["seq", "at", "xid", "body"];

/// Ships the change log of a store. Any number of processes may; one at a time does.
pub struct Shipper {
    store: Store,
    place: Arc<dyn Place>,
    keys: Arc<Keys>,
    seed: Seed,
    /// This process, as the database knows it.
    me: String,
    /// When it was last said that nothing was left.
    said: std::sync::Mutex<Option<Time>>,
}

/// How a snapshot stands to the log, for the manifest of a backup made from it; `None` where the
/// log is off. To be asked first in a transaction, so that the moment is not after the snapshot.
///
/// # Errors
/// What the database says.
pub fn point(tx: &Tx<'_>) -> Result<Option<LogPoint>> {
    let at = tx.moment()?;
    let Some(state) = tx.log_state()? else { return Ok(None) };
    Ok(Some(LogPoint { id: state.id, position: tx.log_position()?.to_string(), at }))
}

impl Shipper {
    /// Ships from `store` to `place`.
    pub fn new(store: Store, place: Arc<dyn Place>, keys: Arc<Keys>, seed: Seed) -> Shipper {
        let me = hex(&seed.bytes::<8>());
        Shipper { store, place, keys, seed, me, said: std::sync::Mutex::default() }
    }

    /// Ships what waits; how many entries. `None` where the log is off or another process ships.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`] and what the database says. What was not shipped for certain stays in
    /// the database and is shipped by a later round.
    pub async fn round(&self) -> Result<Option<u64>> {
        let look = |tx: &Tx<'_>| Ok((tx.moment()?, tx.log_state()?));
        let (now, state) = self.store.read(Scope::Host, &PACE, look).await?;
        let Some(state) = state else { return Ok(None) };
        if state.entries == 0 {
            // A look that finds nothing changes nothing in the database.
            self.say(&state.id, now, false).await?;
            return Ok(Some(0));
        }
        let (mut shipped, mut now) = (0, now);
        loop {
            let me = self.me.clone();
            if !self.store.commit(Scope::Host, move |tx| tx.log_claim(&me, now, now.plus(TERM))).await? {
                return Ok((shipped > 0).then_some(shipped));
            }
            let read = |tx: &Tx<'_>| Ok((tx.moment()?, tx.log_entries(ENOUGH)?));
            let (moment, entries) = self.store.read(Scope::Host, &PACE, read).await?;
            if entries.is_empty() {
                self.say(&state.id, moment, true).await?;
                return Ok(Some(shipped));
            }
            shipped += entries.len() as u64;
            let numbers: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
            self.segment(&state.id, moment, entries).await?;
            now = moment;
            self.store.commit(Scope::Host, move |tx| tx.log_trim(&numbers)).await?;
        }
    }

    /// Writes one segment.
    async fn segment(&self, log: &str, moment: Time, entries: Vec<Entry>) -> Result<()> {
        // Listed after the entries were read: whatever another process shipped meanwhile is not
        // among them, and is named as what came before.
        let last = segments(&*self.place, log).await?.pop();
        // Names sort by their moments, also where a clock went back.
        let at = last.as_ref().map_or(moment, |last| moment.max(Time::from_micros(last.at.micros() + 1)));
        let tail = hex(&self.seed.bytes::<4>());
        let manifest = Manifest {
            kind: Kind::Segment,
            id: format!("{log}-{tail}"),
            at: moment,
            made_by: env!("CARGO_PKG_VERSION").into(),
            database: self.store.kind().name().into(),
            tenant: None,
            log: Some(LogPoint { id: log.into(), position: last.map(|last| last.name).unwrap_or_default(), at }),
            schema: Vec::new(),
        };
        let (sink, body) = pipe();
        let (keys, seed, name) = (self.keys.clone(), self.seed.clone(), name(log, at, &tail));
        let writing = spawn_blocking(move || write(&manifest, &keys, &seed, sink, &entries));
        let put = self.place.put(&name, body).await;
        writing.await.map_err(|error| Code::Internal.error().caused_by(error.to_string()))??;
        put.map(drop)
    }

    /// Says at the place that nothing was left at a moment; not more often than needed.
    async fn say(&self, log: &str, moment: Time, anew: bool) -> Result<()> {
        let due = {
            let said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            anew || said.is_none_or(|last| moment.since(last) >= IDLE)
        };
        if !due {
            return Ok(());
        }
        let (mut sink, body) = pipe();
        let text = moment.micros().to_string();
        let writing = spawn_blocking(move || sink.put(text.as_bytes()).and_then(|()| sink.end()));
        let put = self.place.put(&seen(log), body).await;
        writing.await.map_err(|error| Code::Internal.error().caused_by(error.to_string()))??;
        put?;
        *self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(moment);
        Ok(())
    }
}

fn write(manifest: &Manifest, keys: &Keys, seed: &Seed, sink: Incoming, entries: &[Entry]) -> Result<()> {
    let mut writer = ArchiveWriter::begin(manifest, keys, seed, sink)?;
    writer.table(&Table { name: "change_log".into(), columns: COLUMNS.iter().map(|name| (*name).into()).collect() })?;
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.clear();
        let row = [Value::Int(entry.seq), Value::Int(entry.at.micros()), Value::Int(entry.transaction), Value::Blob(&entry.body)];
        put_values(&mut bytes, &row);
        writer.row(&bytes)?;
    }
    writer.finish(json!({}))?.sink.end()
}
