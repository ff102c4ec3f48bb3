//! One tenant out of an archive into a store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use plimsoll_core::{Access, Clock, Code, Result, Role, Seed, TenantId, Time};
use plimsoll_store::{Pace, Scope, Store, Table, bind};
use serde::Serialize;
use serde_json::json;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    LEFT_BEHIND, hold,
    load::{clear, pour, zero},
    replaced,
    rows::{Wanted, fitting, read},
};
use crate::{
    archive::format::{ArchiveReader, Item, Kind, Manifest, Source},
    identity::people,
    ledger::{Change, Note, Origin},
    subject::{
        Subjects,
        tombstone::{self, Stone, Tombstones},
    },
    work::events::Event,
};

static PACE: Pace = Pace::new();
/// A change that another process had begun before it knew of the hold cannot commit, but a job or
/// a sweep without an entry in the ledger might: then the rows are written again, so often at most.
const TIMES: usize = 3;

/// Where a tenant is restored to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Onto {
    /// Over the live tenant of the same id.
    Over,
    /// Beside it, as a new tenant with this short name.
    Beside(String),
    /// Into a store that does not know it, with everything the archive has.
    Moved,
}

/// What a restore works with.
#[derive(Clone)]
pub struct Restore {
    /// The target.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Chance.
    pub seed: Seed,
    /// What makes tombstones recognisable.
    pub subjects: Arc<Subjects>,
    /// How long other processes may still believe what they know of the tenant
    /// (`identity.cache_lifetime`): so long the hold lasts before anything is touched.
    pub pause: Duration,
}

/// What a restore came to.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The tenant that has the data now.
    pub tenant: TenantId,
    /// Its short name.
    pub slug: String,
    /// The archive it came from.
    pub archive: String,
    /// The moment whose data it has.
    pub at: Time,
    /// Rows that were there before and are gone.
    pub removed: u64,
    /// Rows that were written.
    pub rows: u64,
    /// Rows left out because their subject was erased since.
    pub erased: u64,
    /// How long requests were refused, in milliseconds.
    pub held_ms: u64,
}

/// An archive that was read to its end once: whole, and of which shape.
struct Seen {
    manifest: Manifest,
    heads: BTreeMap<String, Vec<String>>,
    /// The tenant's own row: short name and name.
    named: Option<(String, String)>,
}

impl Restore {
    /// Restores tenant `whose` out of an archive, which `open` opens anew each time. `whose` may be
    /// left out for the archive of one tenant. `stones` are tombstones from beside the archives;
    /// those of the store itself are known. The archive is read to its end before anything is
    /// touched.
    ///
    /// # Errors
    /// What is wrong with the archive; [`Code::NotFound`] for a tenant that it does not hold;
    /// [`Code::Conflict`] for a target that does not fit; what the database says: the tenant is
    /// then still held, and the same command finishes the work.
    pub async fn run<S: Source + Send + 'static>(
        &self,
        open: impl Fn() -> Result<ArchiveReader<S>> + Send + Sync + 'static,
        whose: Option<TenantId>,
        onto: Onto,
        stones: Vec<Stone>,
    ) -> Result<Restored> {
        let open = Arc::new(open);
        let tables = self.store.tables().await?;
        let (first, known) = (open.clone(), tables.clone());
        let seen = spawn_blocking(move || look(first()?, whose, &known)).await??;
        let from = match (whose, seen.manifest.tenant.as_deref()) {
            (Some(whose), Some(held)) if held != whose.to_string() => {
                return Err(Code::ArchiveForeign.because("The archive is that of another tenant."));
            }
            (Some(whose), _) => whose,
            (None, Some(held)) => held.parse()?,
            (None, None) => return Err(Code::Invalid.because("The archive holds many tenants; say which one with --tenant.")),
        };
        if seen.manifest.kind == Kind::Tenant && seen.named.is_none() {
            return Err(Code::ArchiveForeign.because("The archive does not hold the tenant that it names."));
        }
        let (to, slug) = self.target(from, &onto, &seen).await?;
        let tombstones = self.tombstones(seen.manifest.at, stones).await?;
        let wanted: HashMap<String, Table> = tables
            .iter()
            .filter(|table| match onto {
                Onto::Moved => (table.tenant && !LEFT_BEHIND.contains(&table.name.as_str())) || table.name == "person",
                _ => replaced(table) || table.name == "tally",
            })
            .filter(|table| seen.heads.contains_key(&table.name))
            .map(|table| (table.name.clone(), table.clone()))
            .collect();
        let cleared: Vec<Table> = match onto {
            Onto::Moved => Vec::new(),
            _ => tables.iter().filter(|table| replaced(table)).cloned().collect(),
        };
        let began = std::time::Instant::now();
        let archive = seen.manifest.id.clone();
        hold::hold(&self.store, &self.clock, to, &format!("restore from {archive}")).await?;
        if onto == Onto::Over {
            tokio::time::sleep(self.pause).await;
        }
        let wanted = Arc::new(Wanted { from, to, tables: wanted, tombstones: tombstones.clone() });
        let mut times = 0;
        let (removed, rows, erased) = loop {
            let removed = clear(&self.store, to, &cleared).await?;
            zero(&self.store, to).await?;
            let (rows, erased) = self.fill(&open, &wanted).await?;
            times += 1;
            let there = self.count(to, &wanted.tables).await?;
            if there == rows || onto == Onto::Moved {
                break (removed, rows, erased);
            }
            if times == TIMES {
                return Err(Code::Conflict.because(format!(
                    "{rows} rows were written and {there} are there: something still writes into this tenant. It stays held; stop its jobs and start again."
                )));
            }
        };
        let restored = Restored {
            tenant: to,
            slug,
            archive,
            at: seen.manifest.at,
            removed,
            rows,
            erased,
            held_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        self.finish(&restored, &onto, &tombstones).await?;
        Ok(restored)
    }

    /// The tenant that gets the data; a new one is made.
    async fn target(&self, from: TenantId, onto: &Onto, seen: &Seen) -> Result<(TenantId, String)> {
        let slug: Option<String> =
            self.store.read(Scope::Host, &PACE, move |tx| tx.maybe("SELECT slug FROM tenant WHERE id = :id", bind! { id: from })).await?;
        match (onto, slug) {
            (Onto::Over, Some(slug)) => Ok((from, slug)),
            (Onto::Over, None) => Err(Code::NotFound.because("This store does not hold the tenant; leave out --over to bring it in.")),
            (Onto::Moved, Some(slug)) => {
                // An attempt that was killed has made it, and holds it.
                match hold::held(&self.store, from).await? {
                    Some(held) if held.why == format!("restore from {}", seen.manifest.id) => Ok((from, slug)),
                    _ => Err(Code::Conflict.because(format!(
                        "This store holds the tenant `{slug}` already; repeat with --over to set it back, or with --as SLUG to put the data beside it."
                    ))),
                }
            }
            (Onto::Moved, None) => {
                let (slug, name) = seen.named.clone().ok_or_else(|| Code::NotFound.because("The archive does not hold this tenant."))?;
                self.make(from, slug, name, seen).await
            }
            (Onto::Beside(slug), _) => {
                let slug = people::slug(slug, "/as")?;
                let again = slug.clone();
                let there: Option<TenantId> = self
                    .store
                    .read(Scope::Host, &PACE, move |tx| tx.maybe("SELECT id FROM tenant WHERE slug = :slug", bind! { slug: again }))
                    .await?;
                if let Some(id) = there {
                    return match hold::held(&self.store, id).await? {
                        Some(held) if held.why == format!("restore from {}", seen.manifest.id) => Ok((id, slug)),
                        _ => Err(Code::Conflict.because(format!("the short name `{slug}` is taken; choose another"))),
                    };
                }
                self.make(TenantId::new(self.clock.now(), &self.seed), slug.clone(), slug, seen).await
            }
        }
    }

    async fn make(&self, id: TenantId, slug: String, name: String, seen: &Seen) -> Result<(TenantId, String)> {
        let (origin, why) = (Origin::host(self.clock.now(), "tenant.create"), format!("restore from {}", seen.manifest.id));
        let moved = seen.manifest.tenant.as_deref() == Some(id.to_string().as_str())
            || seen.named.as_ref().is_some_and(|(known, _)| *known == slug);
        let made = slug.clone();
        self.store
            .commit(Scope::Tenant(id), move |tx| {
                let mut change = Change::new(tx, &origin);
                people::insert_tenant(&mut change, id, &made, &name)?;
                change.note(Note { target: format!("tenants/{id}"), detail: Some(json!({ "why": why })), ..Note::default() });
                // The ledger of a moved tenant comes with it and goes on; a new one begins here.
                change.finish(None, !moved)?;
                tx.write("UPDATE tenant SET held_at = :now, held_why = :why WHERE id = :id", bind! { now: origin.at, why: why, id: id })?;
                Ok(())
            })
            .await?;
        Ok((id, slug))
    }

    async fn tombstones(&self, moment: Time, stones: Vec<Stone>) -> Result<Arc<Tombstones>> {
        let mut tombstones = Tombstones::new(self.subjects.clone(), Some(moment));
        tombstones.add(self.store.read(Scope::Host, &PACE, tombstone::read).await?)?;
        tombstones.add(stones)?;
        Ok(Arc::new(tombstones))
    }

    /// Reads the archive and writes its rows; how many, and how many were left out.
    async fn fill<S: Source + Send + 'static>(
        &self,
        open: &Arc<impl Fn() -> Result<ArchiveReader<S>> + Send + Sync + 'static>,
        wanted: &Arc<Wanted>,
    ) -> Result<(u64, u64)> {
        let (sender, mut heaps) = mpsc::channel(2);
        let (open, asked) = (open.clone(), wanted.clone());
        let reading = spawn_blocking(move || read(open()?, &asked, &sender));
        let mut rows = 0;
        while let Some(heap) = heaps.recv().await {
            let heap = heap?;
            let counted = if heap.table.name == "tally" || !heap.table.tenant { 0 } else { heap.rows.len() as u64 };
            pour(&self.store, wanted.to, heap).await?;
            rows += counted;
        }
        Ok((rows, reading.await??))
    }

    /// How many rows of the tenant these tables hold.
    async fn count(&self, tenant: TenantId, tables: &HashMap<String, Table>) -> Result<u64> {
        let tables: Vec<Table> = tables.values().filter(|table| table.tenant && table.name != "tally").cloned().collect();
        self.store
            .snapshot(Scope::Tenant(tenant), move |tx| {
                let mut rows = 0;
                for table in &tables {
                    tx.dump(table, None, &mut |_| {
                        rows += 1;
                        Ok(())
                    })?;
                }
                Ok(rows)
            })
            .await
    }

    /// Tombstones into the store, counts right, everybody in again, and all of it on record.
    async fn finish(&self, restored: &Restored, onto: &Onto, tombstones: &Arc<Tombstones>) -> Result<()> {
        let (stones, id) = (tombstones.clone(), restored.tenant);
        self.store.commit(Scope::Host, move |tx| tombstone::put(tx, stones.stones())).await?;
        let origin = Origin::host(self.clock.now(), "tenant.restore");
        let how = match onto {
            Onto::Over => "over",
            Onto::Beside(_) => "beside",
            Onto::Moved => "moved",
        };
        let detail = json!({
            "archive": restored.archive, "at": restored.at, "how": how, "removed": restored.removed, "rows": restored.rows,
            "erased": restored.erased,
        });
        let stones = tombstones.clone();
        self.store
            .commit(Scope::Tenant(id), move |tx| {
                stones.settle(tx)?;
                hold::let_in(tx, id)?;
                let mut change = Change::new(tx, &origin);
                change.note(Note { target: format!("tenants/{id}"), detail: Some(detail.clone()), ..Note::default() });
                change.emit(
                    Event::new("tenant.restored", "/v1/tenants", Access::needs("tenants:read", Role::Viewer), detail).about(id.to_string()),
                );
                change.publish()?;
                change.finish(None, true)
            })
            .await
    }
}

/// Reads an archive to its end without touching anything: whether it is whole, and fits.
fn look<S: Source>(mut reader: ArchiveReader<S>, whose: Option<TenantId>, tables: &[Table]) -> Result<Seen> {
    let manifest = reader.manifest().clone();
    if !matches!(manifest.kind, Kind::Tenant | Kind::Backup) {
        return Err(Code::ArchiveForeign
            .because(format!("This is the archive of a {}; a tenant is restored from its own or from a backup.", manifest.kind.name())));
    }
    let wanted = whose.map(|id| id.to_string()).or_else(|| manifest.tenant.clone());
    let (mut heads, mut named, mut current) = (BTreeMap::new(), None, None::<Vec<String>>);
    while let Some(item) = reader.item()? {
        match item {
            Item::Table(head) => {
                let known = tables.iter().find(|table| table.name == head.name);
                match known {
                    Some(table) => fitting(table, &head.columns)?,
                    None => {
                        return Err(Code::ArchiveVersion.because(format!(
                            "The archive holds the table `{}`, which this database does not have: it was made with another set of systems or a newer version. Nothing was changed.",
                            head.name
                        )));
                    }
                }
                heads.insert(head.name.clone(), head.columns.clone());
                current = (head.name == "tenant").then(|| head.columns.clone());
            }
            Item::Row(row) => {
                let Some(columns) = &current else { continue };
                let (mut rest, mut values) = (row, Vec::new());
                plimsoll_store::take_row(&mut rest, &mut values)?;
                let text =
                    |name: &str| columns.iter().position(|column| column == name).and_then(|at| values.get(at)?.text().map(str::to_owned));
                if text("id") == wanted
                    && let (Some(slug), Some(name)) = (text("slug"), text("name"))
                {
                    named = Some((slug, name));
                }
            }
        }
    }
    Ok(Seen { manifest, heads, named })
}
