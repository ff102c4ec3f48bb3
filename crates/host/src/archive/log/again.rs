//! Segments onto the rows of a backup.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use plimsoll_core::{Code, Error, Result, Time};
use plimsoll_store::{
    Scope, Store, Table, Value,
    log::{Body, Entry, Mark, Position, changes},
    take_row,
};
use tokio::task::spawn_blocking;

use super::segment::{Segment, segments};
use crate::archive::{
    format::{ArchiveReader, Item, Keys, Kind, LogPoint, Outgoing},
    place::Place,
};

/// An entry becomes visible no later than this after its moment.
const LATE: Duration = Duration::from_secs(60);
/// So many entries, or bytes of them, are put into the database in one transaction.
const STEP: (usize, usize) = (500, 4 << 20);
/// An entry may come again in one of so many segments after its first.
const ECHO: usize = 16;

/// What has to be replayed, found whole.
#[derive(Debug)]
pub struct Plan {
    base: LogPoint,
    position: Position,
    until: Time,
    segments: Vec<Segment>,
    /// How many commits lie between the backup and the moment.
    pub entries: u64,
    /// The moment of the last of them.
    pub last: Option<Time>,
}

/// What was replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Commits.
    pub entries: u64,
    /// Rows that they changed.
    pub rows: u64,
}

fn gap(why: String) -> Error {
    Code::ArchiveDamaged.because(format!("The change log has a gap: {why}. A moment after it cannot be restored from this backup."))
}

/// Reads all segments between a backup and a moment, and touches nothing else.
///
/// # Errors
/// [`Code::ArchiveDamaged`] where one is missing or not whole; [`Code::ArchiveKey`]; what the place says.
pub async fn check(place: &dyn Place, keys: &Arc<Keys>, base: &LogPoint, until: Time) -> Result<Plan> {
    let all = segments(place, &base.id).await?;
    // Where the next one was begun before the backup was, a segment holds nothing that the backup lacks.
    let first = all.iter().skip(1).take_while(|next| next.at <= base.at).count();
    let late = until.plus(LATE);
    let end = all.iter().position(|segment| segment.at > late).map_or(all.len(), |at| at + 1);
    let wanted: Vec<Segment> = all.get(first..end.max(first)).unwrap_or_default().to_vec();
    let position: Position = base.position.parse()?;
    let known: HashSet<&str> = all.iter().map(|segment| segment.name.as_str()).collect();
    let mut plan = Plan { base: base.clone(), position, until, segments: wanted, entries: 0, last: None };
    let mut once = Once::default();
    for segment in &plan.segments {
        let mut source = Entries::open(place, keys, &segment.name, &base.id).await?;
        let before = &source.before;
        if !before.is_empty() && !known.contains(before.as_str()) && moment(before).is_none_or(|at| at > base.at) {
            return Err(gap(format!("`{before}`, which came before `{}`, is missing", segment.name)));
        }
        once.segment();
        loop {
            let (back, some) = source.some().await?;
            source = back;
            if some.is_empty() {
                break;
            }
            for entry in some.iter().filter(|entry| once.first(entry.seq) && !plan.position.holds(entry) && entry.at <= until) {
                if let Some(border) = border(&entry.body)? {
                    return Err(border);
                }
                plan.entries += 1;
                plan.last = plan.last.max(Some(entry.at));
            }
        }
    }
    Ok(plan)
}

/// Puts what a plan found onto the rows of its backup, which are in `store`.
///
/// # Errors
/// [`Code::SchemaMismatch`] for a migration, or a time without log, in between; what place and
/// database say.
pub async fn replay(store: &Store, place: &dyn Place, keys: &Arc<Keys>, plan: &Plan) -> Result<Reached> {
    let tables: HashMap<String, Table> = store.tables().await?.into_iter().map(|table| (table.name.clone(), table)).collect();
    let tables = Arc::new(tables);
    let mut reached = Reached { entries: 0, rows: 0 };
    let mut once = Once::default();
    for segment in &plan.segments {
        let mut source = Entries::open(place, keys, &segment.name, &plan.base.id).await?;
        once.segment();
        loop {
            let (back, some) = source.some().await?;
            source = back;
            if some.is_empty() {
                break;
            }
            let new: Vec<Entry> =
                some.into_iter().filter(|entry| once.first(entry.seq) && !plan.position.holds(entry) && entry.at <= plan.until).collect();
            reached.entries += new.len() as u64;
            let tables = tables.clone();
            let rows = store
                .commit(Scope::Host, move |tx| new.iter().map(|entry| tx.replay(&tables, &entry.body, &|_| true)).sum::<Result<u64>>());
            reached.rows += rows.await?;
        }
    }
    Ok(reached)
}

/// Why nothing can be replayed past an entry, where that is so.
fn border(body: &[u8]) -> Result<Option<Error>> {
    // What a transaction changed is read when it is replayed.
    if body.first() != Some(&0) {
        return Ok(None);
    }
    Ok(match changes(body)? {
        Body::Mark(Mark::Ends) => {
            Some(Code::SchemaMismatch.because("The change log was off for a time before that moment. Restore a backup from after it."))
        }
        Body::Mark(Mark::Schema(name)) => Some(Code::SchemaMismatch.because(format!(
            "The schema was changed ({name}) between the backup and that moment. Restore to a moment before, or from a backup after it."
        ))),
        _ => None,
    })
}

/// The moment in a segment's name.
fn moment(name: &str) -> Option<Time> {
    name.rsplit('/').next()?.split('-').next()?.parse().ok().map(Time::from_micros)
}

/// Each entry counts once, though two segments may hold it.
#[derive(Default)]
struct Once(VecDeque<HashSet<i64>>);

impl Once {
    fn segment(&mut self) {
        self.0.push_back(HashSet::new());
        if self.0.len() > ECHO {
            self.0.pop_front();
        }
    }
    fn first(&mut self, seq: i64) -> bool {
        let known = self.0.iter().any(|seen| seen.contains(&seq));
        if let Some(last) = self.0.back_mut() {
            last.insert(seq);
        }
        !known
    }
}

/// The entries of a segment as they come.
struct Entries {
    reader: ArchiveReader<Outgoing>,
    /// The name of the segment before.
    before: String,
}

impl Entries {
    async fn open(place: &dyn Place, keys: &Arc<Keys>, name: &str, log: &str) -> Result<Entries> {
        let (source, keys, name, log) = (place.get(name).await?, keys.clone(), name.to_owned(), log.to_owned());
        aside(move || {
            let reader = ArchiveReader::open(source, &keys)?;
            let manifest = reader.manifest();
            match &manifest.log {
                Some(point) if manifest.kind == Kind::Segment && point.id == log => {
                    let before = point.position.clone();
                    Ok(Entries { reader, before })
                }
                _ => Err(Code::ArchiveForeign.because(format!("`{name}` is no segment of this change log."))),
            }
        })
        .await
    }

    /// The next entries, none at the end, which has been found whole then.
    async fn some(mut self) -> Result<(Entries, Vec<Entry>)> {
        aside(move || {
            let (mut out, mut bytes) = (Vec::new(), 0);
            while out.len() < STEP.0 && bytes < STEP.1 {
                let row = match self.reader.item()? {
                    None => break,
                    Some(Item::Table(_)) => continue,
                    Some(Item::Row(row)) => row,
                };
                let (mut from, mut values): (&[u8], Vec<Value<'_>>) = (row, Vec::new());
                take_row(&mut from, &mut values)?;
                let [Value::Int(seq), Value::Int(at), Value::Int(transaction), Value::Blob(body)] = values[..] else {
                    return Err(Code::ArchiveDamaged.because("An entry of the change log has another form than it should."));
                };
                bytes += body.len();
                out.push(Entry { seq, at: Time::from_micros(at), transaction, body: body.to_vec() });
            }
            Ok((self, out))
        })
        .await
    }
}

async fn aside<T: Send + 'static>(f: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(f).await.map_err(|error| Code::Internal.error().caused_by(error.to_string()))?
}
