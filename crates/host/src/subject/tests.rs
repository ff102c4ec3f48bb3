//! The engine against a real SQLite file; what needs a server or PostgreSQL is in the journeys.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use plimsoll_core::{Clock, Code, Role, Seed, TenantId, Time};
use plimsoll_store::{Migration, Pace, Place, Schema, Scope, Settings, Store, Tx, Value, bind};

use super::{
    Key, Register, Subject, Subjects, With,
    certificate::Signed,
    own,
    tombstone::{self, Blanked, Stone, Tombstones, Verdict},
};
use crate::{
    host::Mounts,
    identity::{Master, hex, operate::Desk},
    ledger::{Change, Origin, chain},
};

static PACE: Pace = Pace::new();

const PATIENTS: Schema = Schema {
    name: "clinic",
    migrations: &[Migration {
        id: "0001_clinic",
        up: "CREATE TABLE patient (tenant_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL UNIQUE, deleted_at INTEGER,
                PRIMARY KEY (tenant_id, id)) STRICT;
             CREATE TABLE rumour (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, whose TEXT, text TEXT, PRIMARY KEY (tenant_id, id)) STRICT;
             CREATE TABLE visit (tenant_id TEXT NOT NULL, id INTEGER NOT NULL, patient TEXT NOT NULL, note TEXT, deleted_at INTEGER,
                PRIMARY KEY (tenant_id, id)) STRICT;",
        down: "DROP TABLE visit; DROP TABLE rumour; DROP TABLE patient;",
    }],
};
const SUBJECTS: &[Subject] = &[
    Subject::delete("patient", "rumour", Key::Marked("whose")),
    Subject::delete("patient", "visit", Key::Text("patient")).counted("visit"),
    Subject::blank("patient", "patient", Key::Text("id"), &[("name", With::Mark)]),
];

struct Bench {
    desk: Desk,
    store: Store,
    subjects: std::sync::Arc<Subjects>,
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Bench {
    async fn new() -> Bench {
        let folder = std::env::temp_dir().join(format!("plimsoll-subject-{}", hex(&Seed::system().bytes::<8>())));
        std::fs::create_dir(&folder).unwrap();
        let clock = Clock::manual(Time::parse("2026-11-21T10:00:00Z").unwrap());
        let settings = Settings { place: Place::Sqlite { path: folder.join("test.db") }, clock: clock.clone(), ..Settings::default() };
        let mut schemas = Mounts::new().schemas().to_vec();
        schemas.push(PATIENTS);
        let store = Store::open(settings, &schemas).unwrap();
        store.migrate_up().await.unwrap();
        let mut register = Register::host();
        register.declare("clinic", SUBJECTS);
        let subjects = Subjects::new(register, &Master::from_bytes([3; 32])).unwrap();
        let desk = Desk { store: store.clone(), clock, seed: Seed::system(), config: crate::identity::Config::default() };
        Bench { desk, store, subjects, folder }
    }

    async fn tenant(&self, slug: &str) -> TenantId {
        let id = self.desk.create_tenant(slug, slug).await.unwrap().id;
        self.desk.create_user(slug, &format!("owner@{slug}.example"), Role::Owner, None).await.unwrap();
        let fill = |tx: &mut Tx<'_>| {
            for (id, name) in [("ann", "Ann Onym"), ("bob", "Bob Erkannt")] {
                tx.write(
                    "INSERT INTO patient (tenant_id, id, name) VALUES (:tenant, :id, :name || :tenant)",
                    bind! { id: id, name: name },
                )?;
                for gone in [None, Some(1i64)] {
                    let number = if gone.is_none() { tx.born("visit")? } else { tx.next("visit")? };
                    tx.write(
                        "INSERT INTO visit (tenant_id, id, patient, note, deleted_at) VALUES (:tenant, :id, :patient, 'felt ill', :gone)",
                        bind! { id: number, patient: id, gone: gone },
                    )?;
                }
            }
            Ok(())
        };
        self.store.commit(Scope::Tenant(id), fill).await.unwrap();
        id
    }

    async fn erase(&self, slug: &str, kind: &str, key: &str) -> plimsoll_core::Result<Signed> {
        self.desk.erase_subject(&self.subjects, slug, kind, key).await
    }

    async fn count(&self, tenant: TenantId, sql: &'static str) -> i64 {
        self.store.read(Scope::Tenant(tenant), &PACE, move |tx| tx.row::<i64>(sql, &[])).await.unwrap()
    }

    async fn stones(&self) -> Vec<Stone> {
        self.store.read(Scope::Host, &PACE, tombstone::read).await.unwrap()
    }
}

fn rows(signed: &Signed, table: &str) -> (String, i64) {
    let found = signed.certificate.tables.iter().find(|one| one.table == table).unwrap();
    (found.outcome.clone(), found.rows)
}

#[tokio::test]
async fn every_table_of_the_host_was_thought_about() {
    let bench = Bench::new().await;
    let names: Vec<String> = bench
        .store
        .read(Scope::Host, &PACE, |tx| {
            tx.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name", &[])
        })
        .await
        .unwrap();
    let known: BTreeSet<&str> = own::TABLES.iter().map(|(name, _)| *name).collect();
    let own: Vec<&String> = names.iter().filter(|name| !["patient", "rumour", "visit"].contains(&name.as_str())).collect();
    let forgotten: Vec<&&String> = own.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(forgotten.is_empty(), "say in subject/own.rs what an erasure does to {forgotten:?}");
    let declared: BTreeSet<&str> =
        own::TABLES.iter().filter(|(_, standing)| *standing == own::Standing::Declared).map(|(name, _)| *name).collect();
    let held: BTreeSet<&str> = own::HOLDINGS.iter().map(|one| one.table).chain([own::ACCOUNT.table]).collect();
    assert_eq!(declared, held);
}

#[tokio::test]
async fn an_erasure_reaches_every_declared_table_and_nobody_else() {
    let bench = Bench::new().await;
    let (here, there) = (bench.tenant("here").await, bench.tenant("there").await);
    let signed = bench.erase("here", "patient", "ann").await.unwrap();
    assert_eq!(rows(&signed, "visit"), ("deleted".into(), 2), "the soft-deleted one too");
    assert_eq!(rows(&signed, "patient"), ("blanked".into(), 1));
    const NAMED: &str = "SELECT count(*) FROM patient WHERE tenant_id = :tenant AND name LIKE 'Ann%' ESCAPE '\\'";
    assert_eq!((bench.count(here, NAMED).await, bench.count(there, NAMED).await), (0, 1));
    const VISITS: &str = "SELECT count(*) FROM visit WHERE tenant_id = :tenant";
    assert_eq!((bench.count(here, VISITS).await, bench.count(there, VISITS).await), (2, 4));
    const LIVE: &str = "SELECT live FROM tally WHERE tenant_id = :tenant AND noun = 'visit'";
    assert_eq!((bench.count(here, LIVE).await, bench.count(there, LIVE).await), (1, 2));
    let again = bench.erase("here", "patient", "ann").await.unwrap();
    assert_eq!(rows(&again, "visit").1, 0, "a second erasure finds nothing and is no fault");
    assert_eq!(bench.erase("here", "nobody", "ann").await.unwrap_err().code(), Code::Invalid);
    let entry: String = bench
        .store
        .read(Scope::Tenant(here), &PACE, |tx| {
            assert_eq!(chain::verify(tx)?.broken, None);
            tx.row("SELECT detail FROM ledger WHERE tenant_id = :tenant AND action = 'subject.erase' ORDER BY seq LIMIT 1", &[])
        })
        .await
        .unwrap();
    assert!(!entry.contains("ann") && entry.contains("tombstone"), "{entry}");
}

#[tokio::test]
async fn rows_that_only_bear_a_mark_are_found_by_whoever_has_the_key() {
    let bench = Bench::new().await;
    let here = bench.tenant("here").await;
    let marks = ["ann", "bob", "eve"].map(|key| hex(&bench.subjects.marker.mark(Some(&here.to_string()), "patient", key)));
    let put = |tx: &mut Tx<'_>, number: i64, whose: &str| {
        tx.write(
            "INSERT INTO rumour (tenant_id, id, whose, text) VALUES (:tenant, :id, :whose, 'is ill')",
            bind! { id: number, whose: whose },
        )
    };
    let all = marks.clone();
    bench
        .store
        .commit(Scope::Tenant(here), move |tx| all.iter().zip(1..).try_for_each(|(mark, number)| put(tx, number, mark).map(drop)))
        .await
        .unwrap();
    const RUMOURS: &str = "SELECT count(*) FROM rumour WHERE tenant_id = :tenant";
    let copy = bench.desk.export_subject(&bench.subjects, "here", "patient", "eve").await.unwrap();
    assert_eq!(copy.tables.iter().find(|part| part.table == "rumour").unwrap().rows.len(), 1);
    assert_eq!(
        rows(&bench.erase("here", "patient", "eve").await.unwrap(), "rumour"),
        ("deleted".into(), 1),
        "of somebody nobody else knows"
    );
    assert_eq!(bench.count(here, RUMOURS).await, 2);

    // An older archive brings it back: by the row alone nobody can tell who it is, and it goes all the same.
    let stones = bench.stones().await;
    let mut tombstones = Tombstones::new(bench.subjects.clone(), None);
    tombstones.add(stones.clone()).unwrap();
    let judged =
        |mark: &str| tombstones.judge("rumour", Some(&here.to_string()), |column| (column == "whose").then_some(Value::Text(mark)));
    assert_eq!((judged(&marks[2]), judged(&marks[1])), (Verdict::Drop, Verdict::Keep));
    let eve = marks[2].clone();
    bench.store.commit(Scope::Tenant(here), move |tx| put(tx, 3, &eve).map(drop)).await.unwrap();
    assert_eq!(super::sweep::sweep(&bench.store, &bench.subjects, None, stones).await.unwrap(), 1);
    assert_eq!(bench.count(here, RUMOURS).await, 2);
}

#[tokio::test]
async fn a_person_of_two_tenants_leaves_one_and_then_altogether_and_the_ledger_still_verifies() {
    let bench = Bench::new().await;
    let (here, there) = (bench.tenant("here").await, bench.tenant("there").await);
    const JANE: &str = "jane@clinic.example";
    let id = bench.desk.create_user("here", JANE, Role::Editor, None).await.unwrap().id;
    bench.desk.create_user("there", JANE, Role::Viewer, None).await.unwrap();
    let origin = Origin {
        actor_kind: "person",
        actor: id.to_string().into(),
        address: Some("203.0.113.9".parse().unwrap()),
        ..Origin::host(bench.desk.clock.now(), "visits.read")
    };
    for tenant in [here, there] {
        let origin = origin.clone();
        bench.store.commit(Scope::Tenant(tenant), move |tx| Change::new(tx, &origin).finish(None, true)).await.unwrap();
    }
    const ADDRESSES: &str = "SELECT count(*) FROM ledger WHERE tenant_id = :tenant AND address IS NOT NULL";
    const KNOWN: &str = "SELECT count(*) FROM person WHERE email = 'jane@clinic.example'";
    let copy = bench.desk.export_subject(&bench.subjects, "here", "person", JANE).await.unwrap();
    let account = copy.tables.iter().find(|part| part.table == "person").unwrap();
    assert_eq!((&account.rows[0]["email"], account.rows[0].get("password")), (&JANE.into(), None));

    let first = bench.erase("here", "person", "Jane@Clinic.example").await.unwrap();
    assert_eq!((rows(&first, "member"), rows(&first, "person").0), (("deleted".into(), 1), "kept".into()));
    assert_eq!((bench.count(here, ADDRESSES).await, bench.count(there, ADDRESSES).await, bench.count(here, KNOWN).await), (0, 1, 1));
    let second = bench.erase("there", "person", JANE).await.unwrap();
    assert_eq!((rows(&second, "member").1, rows(&second, "person")), (1, ("blanked".into(), 1)));
    assert_eq!((bench.count(there, ADDRESSES).await, bench.count(here, KNOWN).await), (0, 0));
    for tenant in [here, there] {
        let found = bench.store.read(Scope::Tenant(tenant), &PACE, chain::verify).await.unwrap();
        assert_eq!(found.broken, None, "the chain does not need the addresses");
    }
    let last = bench.erase("here", "person", "owner@here.example").await.unwrap_err();
    assert_eq!(last.code(), Code::Conflict, "the last owner stays: {last}");
}

#[tokio::test]
async fn tombstones_recognise_rows_from_before_and_leave_those_from_after_alone() {
    let bench = Bench::new().await;
    let (here, there) = (bench.tenant("here").await.to_string(), bench.tenant("there").await.to_string());
    let before = bench.desk.clock.now();
    bench.desk.clock.advance(Duration::from_secs(3600));
    bench.erase("here", "patient", "ann").await.unwrap();
    let stones = bench.stones().await;
    assert!(stones.iter().all(|stone| stone.mark.len() == 64 && !stone.mark.contains("ann")));
    let judge = |moment: Option<Time>, table: &str, tenant: &str, column: &str, key: &str| {
        let mut tombstones = Tombstones::new(bench.subjects.clone(), moment);
        tombstones.add(stones.clone()).unwrap();
        tombstones.judge(table, Some(tenant), |asked| (asked == column).then_some(Value::Text(key)))
    };
    for moment in [None, Some(before)] {
        assert_eq!(judge(moment, "visit", &here, "patient", "ann"), Verdict::Drop);
        let blanked = judge(moment, "patient", &here, "id", "ann");
        assert!(matches!(blanked.value("name"), Some(Blanked::Text(text)) if text.starts_with("erased:")), "{blanked:?}");
        assert_eq!(blanked.value("id"), None);
    }
    assert_eq!(judge(None, "visit", &here, "patient", "bob"), Verdict::Keep);
    assert_eq!(judge(None, "visit", &there, "patient", "ann"), Verdict::Keep, "the same key of another tenant is another person");
    let after = bench.desk.clock.now().plus(tombstone::SLACK).plus(Duration::from_secs(1));
    assert_eq!(judge(Some(after), "visit", &here, "patient", "ann"), Verdict::Keep, "who came back is not removed");
    let mut damaged = stones;
    damaged[0].mark.truncate(63);
    assert!(Tombstones::new(bench.subjects.clone(), None).add(damaged).is_err());
}

#[tokio::test]
async fn a_sweep_erases_again_what_an_older_archive_brought_back_and_nobody_from_later() {
    let bench = Bench::new().await;
    let here = bench.tenant("here").await;
    bench.desk.create_user("here", "jane@clinic.example", Role::Editor, None).await.unwrap();
    bench.erase("here", "patient", "ann").await.unwrap();
    bench.erase("here", "person", "jane@clinic.example").await.unwrap();
    let stones = bench.stones().await;
    // As if an older archive had been restored.
    bench
        .store
        .commit(Scope::Host, move |tx| {
            tx.write("DELETE FROM erasure", &[])?;
            tx.write("UPDATE person SET email = 'jane@clinic.example', active = 1 WHERE email LIKE 'erased:%' ESCAPE '\\'", &[])?;
            tx.write("UPDATE patient SET name = 'Ann again' WHERE tenant_id = :tenant AND id = 'ann'", bind! { tenant: here })?;
            tx.write("INSERT INTO visit (tenant_id, id, patient) VALUES (:tenant, 50, 'ann')", bind! { tenant: here })?;
            tx.write("UPDATE tally SET live = live + 1 WHERE tenant_id = :tenant AND noun = 'visit'", bind! { tenant: here })
        })
        .await
        .unwrap();
    let later = bench.desk.clock.now().plus(Duration::from_secs(3600));
    assert_eq!(super::sweep::sweep(&bench.store, &bench.subjects, Some(later), stones.clone()).await.unwrap(), 0);
    assert_eq!(super::sweep::sweep(&bench.store, &bench.subjects, None, stones.clone()).await.unwrap(), 2);
    const NAMED: &str = "SELECT count(*) FROM patient WHERE tenant_id = :tenant AND name LIKE 'Ann%' ESCAPE '\\'";
    const VISITS: &str = "SELECT count(*) FROM visit WHERE tenant_id = :tenant AND patient = 'ann'";
    const KNOWN: &str = "SELECT count(*) FROM person WHERE email = 'jane@clinic.example'";
    const LIVE: &str = "SELECT live FROM tally WHERE tenant_id = :tenant AND noun = 'visit'";
    for (sql, wanted) in [(NAMED, 0), (VISITS, 0), (KNOWN, 0), (LIVE, 1)] {
        assert_eq!(bench.count(here, sql).await, wanted, "{sql}");
    }
    assert_eq!(bench.stones().await, stones, "the restored database knows them");
}

#[tokio::test]
async fn tombstones_lie_beside_the_archives_sealed_and_one_that_is_damaged_stops_a_restore() {
    let bench = Bench::new().await;
    bench.tenant("here").await;
    bench.erase("here", "patient", "ann").await.unwrap();
    bench.erase("here", "patient", "bob").await.unwrap();
    let place = crate::archive::place::Directory::new(bench.folder.join("place"));
    let master = Master::from_bytes([3; 32]);
    let keys = std::sync::Arc::new(crate::archive::format::Keys::new(Some(&master), None, []).unwrap());
    let write = || super::placed::place(&bench.store, &place, &keys, &bench.desk.clock, &bench.desk.seed);
    assert_eq!((write().await.unwrap(), write().await.unwrap()), (2, 0));
    let found = super::placed::fetch(&place, &keys).await.unwrap();
    assert_eq!(found, bench.stones().await);
    let file = std::fs::read_dir(bench.folder.join("place/erasure")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = super::placed::fetch(&place, &keys).await.unwrap_err();
    assert_eq!(error.code(), Code::ArchiveDamaged);
    assert!(error.public().contains("erased person"), "{error}");
}

#[tokio::test]
async fn a_restore_that_applies_tombstones_leaves_counts_right_and_a_new_database_knows_them() {
    let bench = Bench::new().await;
    let here = bench.tenant("here").await;
    bench.erase("here", "patient", "ann").await.unwrap();
    let other = Bench::new().await;
    other.tenant("elsewhere").await;
    let stones = bench.stones().await;
    let subjects = other.subjects.clone();
    let kept: i64 = other
        .store
        .commit(Scope::Host, move |tx| {
            let mut tombstones = Tombstones::new(subjects, None);
            tombstones.add(stones.clone())?;
            let owner = here.to_string();
            for (number, patient) in [(1i64, "ann"), (2, "bob")] {
                let value = |column: &str| (column == "patient").then_some(Value::Text(patient));
                if tombstones.judge("visit", Some(&owner), value) == Verdict::Keep {
                    tx.write(
                        "INSERT INTO visit (tenant_id, id, patient) VALUES (:tenant, :id, :patient)",
                        bind! { tenant: here, id: number, patient: patient },
                    )?;
                }
            }
            tx.write("INSERT INTO tally (tenant_id, noun, next, live) VALUES (:tenant, 'visit', 3, 2)", bind! { tenant: here })?;
            tombstones.settle(tx)?;
            tombstone::put(tx, tombstones.stones())?;
            tombstone::put(tx, tombstones.stones())?;
            tx.row("SELECT live FROM tally WHERE tenant_id = :tenant", bind! { tenant: here })
        })
        .await
        .unwrap();
    assert_eq!(kept, 1);
    assert_eq!(other.stones().await, bench.stones().await);
}
