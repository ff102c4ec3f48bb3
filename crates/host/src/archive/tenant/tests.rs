//! One tenant out and in again, on a real SQLite file; both databases are in the journeys.

use std::{path::PathBuf, sync::Arc, time::Duration};

use plimsoll_core::{Clock, Code, Result, Role, Seed, TenantId, Time};
use plimsoll_store::{Migration, Pace, Place, Schema, Scope, Settings, Store, Tx, bind};

use super::{Onto, Restore, Restored, export, hold};
use crate::{
    archive::format::{ArchiveReader, Keys},
    host::Mounts,
    identity::{Config, Master, hex, operate::Desk},
    ledger::chain,
    subject::{Key, Register, Subject, Subjects},
};

static PACE: Pace = Pace::new();

const NOTES: Schema = Schema {
    name: "notes",
    migrations: &[Migration {
        id: "0001_notes",
        up: "CREATE TABLE book (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, owner TEXT, deleted_at INTEGER, PRIMARY KEY (tenant_id, id)) STRICT;
             CREATE TABLE page (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, book_id INTEGER NOT NULL, words TEXT, PRIMARY KEY (tenant_id, id),
                FOREIGN KEY (tenant_id, book_id) REFERENCES book (tenant_id, id)) STRICT;",
        down: "DROP TABLE page; DROP TABLE book;",
    }],
};
const SUBJECTS: &[Subject] = &[Subject::delete("reader", "book", Key::Text("owner")).counted("book")];

struct Bench {
    desk: Desk,
    store: Store,
    restore: Restore,
    keys: Arc<Keys>,
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Bench {
    async fn new() -> Bench {
        let folder = std::env::temp_dir().join(format!("plimsoll-tenant-{}", hex(&Seed::system().bytes::<8>())));
        std::fs::create_dir(&folder).unwrap();
        let clock = Clock::manual(Time::parse("2026-11-21T10:00:00Z").unwrap());
        let settings = Settings { place: Place::Sqlite { path: folder.join("test.db") }, clock: clock.clone(), ..Settings::default() };
        let mut schemas = Mounts::new().schemas().to_vec();
        schemas.push(NOTES);
        let store = Store::open(settings, &schemas).unwrap();
        store.migrate_up().await.unwrap();
        let master = Master::from_bytes([4; 32]);
        let mut register = Register::host();
        register.declare("notes", SUBJECTS);
        let subjects = Subjects::new(register, &master).unwrap();
        let keys = Arc::new(serde_keys(&master));
        let desk = Desk { store: store.clone(), clock: clock.clone(), seed: Seed::system(), config: Config::default() };
        let restore = Restore { store: store.clone(), clock, seed: Seed::system(), subjects, pause: Duration::ZERO };
        Bench { desk, store, restore, keys, folder }
    }

    async fn tenant(&self, slug: &str) -> TenantId {
        let id = self.desk.create_tenant(slug, slug).await.unwrap().id;
        self.desk.create_user(slug, &format!("owner@{slug}.example"), Role::Owner, None).await.unwrap();
        self.add(id, "ann", 3).await.unwrap();
        id
    }

    /// A book with so many pages.
    async fn add(&self, tenant: TenantId, owner: &'static str, pages: i64) -> Result<i64> {
        let work = move |tx: &mut Tx<'_>| {
            let book = tx.born("book")?;
            tx.write("INSERT INTO book (tenant_id, id, owner) VALUES (:tenant, :id, :owner)", bind! { id: book, owner: owner })?;
            for _ in 0..pages {
                let page = tx.next("page")?;
                tx.write(
                    "INSERT INTO page (tenant_id, id, book_id, words) VALUES (:tenant, :id, :book, 'word')",
                    bind! { id: page, book: book },
                )?;
            }
            let origin = crate::ledger::Origin::host(Time::from_micros(1), "books.create");
            chain::append(tx, &origin, &crate::ledger::Note::default())?;
            Ok(book)
        };
        self.store.commit(Scope::Tenant(tenant), work).await
    }

    async fn export(&self, tenant: TenantId, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        let file = std::fs::File::create(&path).unwrap();
        export(&self.store, tenant, &self.keys, &self.desk.clock, &Seed::system(), file).await.unwrap();
        path
    }

    async fn bring(&self, path: &std::path::Path, onto: Onto) -> Result<Restored> {
        let (path, keys) = (path.to_owned(), self.keys.clone());
        let open = move || ArchiveReader::open(std::fs::File::open(&path)?, &keys);
        self.restore.run(open, None, onto, Vec::new()).await
    }

    async fn see(&self, tenant: TenantId) -> (Vec<i64>, i64, i64, i64) {
        self.store
            .read(Scope::Tenant(tenant), &PACE, |tx| {
                assert_eq!(chain::verify(tx)?.broken, None);
                Ok((
                    tx.rows("SELECT id FROM book WHERE tenant_id = :tenant ORDER BY id", &[])?,
                    tx.row("SELECT count(*) FROM page WHERE tenant_id = :tenant", &[])?,
                    tx.live("book")?,
                    tx.row("SELECT count(*) FROM ledger WHERE tenant_id = :tenant", &[])?,
                ))
            })
            .await
            .unwrap()
    }
}

fn serde_keys(master: &Master) -> Keys {
    Keys::new(Some(master), None, []).unwrap()
}

#[tokio::test]
async fn a_tenant_goes_back_to_an_earlier_moment_and_no_other_loses_a_row() {
    let bench = Bench::new().await;
    let (here, there) = (bench.tenant("here").await, bench.tenant("there").await);
    let archive = bench.export(here, "here.plm").await;
    bench.add(here, "bob", 700).await.unwrap();
    bench.add(there, "bob", 2).await.unwrap();
    let before = bench.see(there).await;
    let ledger = bench.see(here).await.3;
    let restored = bench.bring(&archive, Onto::Over).await.unwrap();
    assert_eq!((restored.tenant, restored.rows, restored.removed), (here, 4, 705));
    let now = bench.see(here).await;
    assert_eq!((now.0, now.1, now.2), (vec![1], 3, 1));
    assert_eq!(now.3, ledger + 2, "the ledger was not set back: it says that the tenant was held and restored");
    assert_eq!(bench.see(there).await, before);
    assert_eq!(bench.add(here, "cid", 0).await.unwrap(), 3, "number 2 was given before and is not given again");
}

#[tokio::test]
async fn a_tenant_comes_up_beside_the_live_one_and_in_another_store() {
    let bench = Bench::new().await;
    let here = bench.tenant("here").await;
    let archive = bench.export(here, "here.plm").await;
    let taken = bench.bring(&archive, Onto::Moved).await.unwrap_err();
    assert_eq!(taken.code(), Code::Conflict, "{taken}");
    let beside = bench.bring(&archive, Onto::Beside("copy".into())).await.unwrap();
    assert_ne!(beside.tenant, here);
    let copy = bench.see(beside.tenant).await;
    assert_eq!((copy.0, copy.1, copy.2), (vec![1], 3, 1));

    let other = Bench::new().await;
    other.tenant("resident").await;
    let moved = other.bring(&archive, Onto::Moved).await.unwrap();
    assert_eq!((moved.tenant, moved.slug.as_str()), (here, "here"));
    let (was, is) = (bench.see(here).await, other.see(here).await);
    assert_eq!((is.0, is.1, is.2, is.3), (was.0, was.1, was.2, was.3 + 1), "its ledger came along and goes on");
    assert_eq!(other.desk.list_users("here").await.unwrap().len(), 1);
    assert_eq!(other.bring(&archive, Onto::Moved).await.unwrap_err().code(), Code::Conflict);
}

#[tokio::test]
async fn a_held_tenant_takes_no_change_and_an_interrupted_restore_is_finished_by_the_next() {
    let bench = Bench::new().await;
    let (here, there) = (bench.tenant("here").await, bench.tenant("there").await);
    let archive = bench.export(here, "here.plm").await;
    bench.add(here, "bob", 5).await.unwrap();
    // As far as a process came that was killed: held, and half of the rows gone.
    hold::hold(&bench.store, &bench.desk.clock, here, "restore from tar_x").await.unwrap();
    bench.store.commit(Scope::Tenant(here), |tx| tx.write("DELETE FROM page WHERE tenant_id = :tenant AND id > 2", &[])).await.unwrap();
    assert_eq!(bench.add(here, "dan", 1).await.unwrap_err().code(), Code::TenantHeld);
    bench.add(there, "dan", 1).await.unwrap();
    bench.bring(&archive, Onto::Over).await.unwrap();
    assert_eq!(bench.see(here).await.1, 3);
    assert_eq!(hold::held(&bench.store, here).await.unwrap(), None);
    bench.add(here, "dan", 1).await.unwrap();
    assert_eq!(hold::release(&bench.store, &bench.desk.clock, here).await.unwrap_err().code(), Code::Conflict);
}

#[tokio::test]
async fn an_erased_reader_does_not_come_back_with_the_tenant() {
    let bench = Bench::new().await;
    let here = bench.tenant("here").await;
    bench.add(here, "bob", 0).await.unwrap();
    let archive = bench.export(here, "here.plm").await;
    bench.desk.clock.advance(Duration::from_secs(60));
    bench.desk.erase_subject(&bench.restore.subjects, "here", "reader", "bob").await.unwrap();
    let restored = bench.bring(&archive, Onto::Over).await.unwrap();
    assert_eq!(restored.erased, 1);
    let now = bench.see(here).await;
    assert_eq!((now.0, now.2), (vec![1], 1));
    let beside = bench.bring(&archive, Onto::Beside("copy".into())).await.unwrap();
    assert_eq!((beside.erased, bench.see(beside.tenant).await.2), (1, 1), "nor beside it");
}

#[tokio::test]
async fn a_damaged_archive_changes_nothing() {
    let bench = Bench::new().await;
    let here = bench.tenant("here").await;
    let archive = bench.export(here, "here.plm").await;
    let mut bytes = std::fs::read(&archive).unwrap();
    let middle = bytes.len() - 40;
    bytes[middle] ^= 1;
    std::fs::write(&archive, &bytes).unwrap();
    let before = bench.see(here).await;
    assert_eq!(bench.bring(&archive, Onto::Over).await.unwrap_err().code(), Code::ArchiveDamaged);
    std::fs::write(&archive, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(bench.bring(&archive, Onto::Over).await.unwrap_err().code(), Code::ArchiveDamaged);
    assert_eq!(bench.see(here).await, before);
    assert_eq!(hold::held(&bench.store, here).await.unwrap(), None, "it was not even held");
}
