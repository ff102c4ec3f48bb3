//! The change log: a dump and the log after it are the live rows, whatever happens.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use plimsoll_core::{Code, Result, Seed, TenantId, Time};
use plimsoll_store::{
    Down, Load, Place, Scope, Settings, Store, Table, Tx, Value, bind,
    log::{Body, Entry, Mark, Position, changes},
    put_row, take_row,
};

use crate::{
    bed::{ANN, BOB, Bed, SCHEMA, add, added, cause, look, names, wish},
    on_both,
};

on_both!(
    a_dump_and_the_log_after_it_are_the_live_rows,
    nothing_is_missing_after_the_process_was_killed,
    the_switch_counts_for_every_process,
    what_was_undone_is_not_in_the_log,
    what_could_escape_the_log_is_refused,
    statements_answer_as_they_do_without_the_log,
    tables_that_are_left_out_leave_nothing,
    a_migration_is_a_border,
);

const CAT: TenantId = TenantId::from_bits(3);

/// Every row of every table, in the form of archives.
type Dump = Vec<(String, Vec<u8>)>;

fn dumped(tx: &Tx<'_>) -> Result<Dump> {
    let all = tx.tables()?.into_iter().map(|table| {
        let mut bytes = Vec::new();
        tx.dump(&table, None, &mut |row| put_row(&mut bytes, row))?;
        Ok((table.name, bytes))
    });
    all.collect()
}

async fn dump(store: &Store) -> Dump {
    store.snapshot(Scope::Host, dumped).await.unwrap()
}

/// A fresh store with the rows of a dump.
async fn loaded(bed: &Bed, from: Dump) -> Store {
    let store = bed.store().await;
    let tables = by_name(&store).await;
    for (name, bytes) in from {
        let table = tables[&name].clone();
        let done = store.commit(Scope::Host, move |tx| {
            let (mut rest, mut rows) = (&bytes[..], Vec::new());
            while !rest.is_empty() {
                let mut row = Vec::new();
                take_row(&mut rest, &mut row)?;
                rows.push(row);
            }
            tx.load(&table, &table.names().collect::<Vec<_>>(), &rows, Load::Insert)
        });
        done.await.unwrap();
    }
    store
}

async fn by_name(store: &Store) -> HashMap<String, Table> {
    store.tables().await.unwrap().into_iter().map(|table| (table.name.clone(), table)).collect()
}

/// Reads what waits in the log and removes it, as a shipper does: in rounds, each in order.
async fn ship(store: &Store, kept: &Mutex<Vec<Entry>>) -> usize {
    let round = look(store, Scope::Host, |tx| tx.log_entries(2000)).await.unwrap();
    let numbers: Vec<i64> = round.iter().map(|entry| entry.seq).collect();
    let count = round.len();
    kept.lock().unwrap().extend(round);
    let gone = store.commit(Scope::Host, move |tx| tx.log_trim(&numbers)).await.unwrap();
    assert_eq!(gone, count as u64, "exactly what was shipped goes");
    count
}

/// Puts onto a dump's rows what the log says after it, up to a moment.
async fn replayed(store: &Store, entries: &[Entry], base: &Position, until: Option<Time>) -> u64 {
    let tables = by_name(store).await;
    let wanted: Vec<Entry> =
        entries.iter().filter(|entry| !base.holds(entry) && until.is_none_or(|until| entry.at <= until)).cloned().collect();
    let done =
        store.commit(Scope::Host, move |tx| wanted.iter().map(|entry| tx.replay(&tables, &entry.body, &|_| true)).sum::<Result<u64>>());
    done.await.unwrap()
}

fn same(left: &Dump, right: &Dump, seed: u64) {
    for ((name, a), (other, b)) in left.iter().zip(right) {
        assert_eq!(name, other);
        assert!(a == b, "`{name}` differs; seed {seed}");
    }
    assert_eq!(left.len(), right.len());
}

/// One random change of a tenant, or of the host; may fail, and then leaves nothing.
fn random(tx: &mut Tx<'_>, seed: &Seed) -> Result<()> {
    let n = |bound: u64| seed.below(bound) as i64;
    for _ in 0..=seed.below(4) {
        if tx.scope() == Scope::Host {
            match seed.below(4) {
                0 => drop(tx.write("INSERT INTO note (id, words) VALUES (:id, 'new') ON CONFLICT (id) DO NOTHING", bind! { id: n(40) })?),
                1 => drop(tx.write("UPDATE note SET words = words || '+' WHERE id % 7 = :n", bind! { n: n(7) })?),
                2 => drop(tx.write("DELETE FROM note WHERE id % 11 = :n", bind! { n: n(11) })?),
                _ => drop(tx.write("UPDATE artist SET born_at = :n WHERE id % 13 = :m", bind! { n: n(1 << 40), m: n(13) })?),
            }
            continue;
        }
        match seed.below(9) {
            0 | 1 => drop(add(tx, &format!("n{}", n(60)))?),
            2 => {
                let photo = seed.bytes::<5>();
                tx.write(
                    "UPDATE artist SET weight = id / 3.0, photo = :photo WHERE tenant_id = :tenant AND id % 4 = :n",
                    bind! { photo: photo, n: n(4) },
                )?;
            }
            3 => drop(tx.writing::<i64>(
                "INSERT INTO artist (tenant_id, id, name) VALUES (:tenant, :id, :name)
                 ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, weight = NULL RETURNING id",
                bind! { id: n(30) + 1, name: format!("u{}", n(60)) },
            )?),
            4 => drop(tx.write(
                "INSERT INTO song (tenant_id, id, artist_id, title, seconds)
                 SELECT tenant_id, id + :base, id, name, :base FROM artist WHERE tenant_id = :tenant AND id % 3 = :n
                 ON CONFLICT DO NOTHING",
                bind! { base: n(5) * 1000, n: n(3) },
            )?),
            5 => drop(tx.write("DELETE FROM song WHERE tenant_id = :tenant AND id % 5 = :n", bind! { n: n(5) })?),
            6 => drop(tx.write("DELETE FROM artist WHERE tenant_id = :tenant AND id = :id", bind! { id: n(30) + 1 })?),
            7 => {
                // An attempt in an attempt, of which any may fail.
                let _ = tx.attempt(|tx| {
                    random(tx, seed)?;
                    let _ = tx.attempt(|tx| add(tx, &format!("n{}", seed.below(60))));
                    if seed.below(2) == 0 { Err(Code::Conflict.because("undone")) } else { Ok(()) }
                });
            }
            _ => drop(tx.write("UPDATE artist SET name = name || '.' WHERE tenant_id = :tenant AND id % 6 = :n", bind! { n: n(6) })?),
        }
    }
    if seed.below(5) == 0 { Err(Code::Conflict.because("refused")) } else { Ok(()) }
}

/// A change that cannot fail, when it is the tenant's turn.
async fn turn(store: &Store, tenant: TenantId) {
    let sql = "UPDATE artist SET born_at = 0 WHERE tenant_id = :tenant";
    store.commit(Scope::Tenant(tenant), move |tx| tx.write(sql, &[])).await.unwrap();
}

/// Random changes of three tenants and the host at once.
async fn storm(store: &Store, seed: u64, changes: u64) {
    let scopes = [Scope::Tenant(ANN), Scope::Tenant(BOB), Scope::Tenant(CAT), Scope::Host];
    let tasks: Vec<_> = (0..8u64)
        .map(|task| {
            let (store, scope) = (store.clone(), scopes[task as usize % 4]);
            tokio::spawn(async move {
                let mut kept = 0;
                for number in 0..changes {
                    let seed = Seed::fixed(seed ^ (task << 32) ^ (number << 40));
                    kept += u32::from(store.commit(scope, move |tx| random(tx, &seed)).await.is_ok());
                }
                kept
            })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += task.await.unwrap();
    }
    assert!(kept > 0, "some changes are kept");
}

async fn a_dump_and_the_log_after_it_are_the_live_rows(bed: Bed) {
    let given = wish("SEED").map(|text| text.parse::<u64>().unwrap());
    let first = given.unwrap_or_else(|| Seed::system().below(1 << 30));
    let rounds = wish("ROUNDS").map_or(2, |text| text.parse().unwrap());
    for seed in first..first + rounds {
        println!("seed {seed}");
        let bed = if bed.is_sqlite() { Bed::sqlite() } else { Bed::postgres() };
        let store = bed.store().await;
        added(&store, ANN, "before the log").await.unwrap();
        store.log_changes(true).await.unwrap();
        let (kept, done) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let shipper = tokio::spawn({
            let (store, kept, done) = (store.clone(), kept.clone(), done.clone());
            async move {
                loop {
                    let last = done.load(Ordering::Relaxed);
                    while ship(&store, &kept).await > 0 {}
                    if last {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
        // The dump is taken in the middle of changes.
        let ((), (position, base)) = tokio::join!(storm(&store, seed, 12), async {
            turn(&store, BOB).await;
            store.snapshot(Scope::Host, |tx| Ok((tx.log_position()?, dumped(tx)?))).await.unwrap()
        });
        let middle = dump(&store).await;
        let moment = look(&store, Scope::Host, |tx| tx.moment()).await.unwrap();
        storm(&store, seed + 1_000_000, 8).await;
        done.store(true, Ordering::Relaxed);
        shipper.await.unwrap();
        let entries = kept.lock().unwrap().clone();
        let live = dump(&store).await;

        let other = if bed.is_sqlite() { Bed::postgres() } else { Bed::sqlite() };
        let restored = loaded(&other, base.clone()).await;
        let position: Position = position.to_string().parse().unwrap();
        assert!(replayed(&restored, &entries, &position, None).await > 0);
        same(&dump(&restored).await, &live, seed);

        let other = if bed.is_sqlite() { Bed::sqlite() } else { Bed::postgres() };
        let restored = loaded(&other, base).await;
        replayed(&restored, &entries, &position, Some(moment)).await;
        same(&dump(&restored).await, &middle, seed);
        assert!(middle != live);
    }
}

/// What the killed process does: changes, as fast as it can, saying which were acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_will_be_killed() {
    let Some(place) = wish("KILLED") else { return };
    let place = match place.strip_prefix("sqlite:") {
        Some(path) => Place::Sqlite { path: path.into() },
        None => Place::Postgres { url: place },
    };
    let store = Store::open(Settings { place, readers: 1, writers: 2, ..Settings::default() }, &[SCHEMA]).unwrap();
    println!("\nready");
    loop {
        storm(&store, Seed::system().below(1 << 40), 50).await;
    }
}

async fn nothing_is_missing_after_the_process_was_killed(bed: Bed) {
    let store = bed.store().await;
    store.log_changes(true).await.unwrap();
    added(&store, ANN, "first").await.unwrap();
    let (position, base) = store.snapshot(Scope::Host, |tx| Ok((tx.log_position()?, dumped(tx)?))).await.unwrap();
    let kills = wish("ROUNDS").map_or(3, |text| text.parse().unwrap());
    for _ in 0..kills {
        let place = match &bed.place {
            Place::Sqlite { path } => format!("sqlite:{}", path.display()),
            Place::Postgres { url } => url.clone(),
        };
        let pause = Seed::system().below(300);
        let killed = tokio::task::spawn_blocking(move || {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "log::a_process_that_will_be_killed", "--nocapture"])
                .env("PLIMSOLL_TEST_KILLED", place)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let ready = BufReader::new(child.stdout.take().unwrap()).lines().map_while(|line| line.ok()).any(|line| line == "ready");
            assert!(ready, "it changes rows");
            std::thread::sleep(std::time::Duration::from_millis(pause));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        killed.await.unwrap();
    }
    // The server may still be busy with the last transaction of a client that is gone.
    for tenant in [ANN, BOB, CAT] {
        turn(&store, tenant).await;
    }
    let (live, entries) = store.snapshot(Scope::Host, |tx| Ok((dumped(tx)?, tx.log_entries(usize::MAX)?))).await.unwrap();
    let other = if bed.is_sqlite() { Bed::sqlite() } else { Bed::postgres() };
    let restored = loaded(&other, base).await;
    assert!(replayed(&restored, &entries, &position, None).await > 0);
    same(&dump(&restored).await, &live, 0);
}

async fn waiting(store: &Store) -> Vec<Entry> {
    look(store, Scope::Host, |tx| tx.log_entries(usize::MAX)).await.unwrap()
}

async fn the_switch_counts_for_every_process(bed: Bed) {
    let (here, there) = (bed.store().await, bed.store().await);
    added(&there, ANN, "unlogged").await.unwrap();
    assert_eq!((here.log_state().await.unwrap(), waiting(&here).await.len()), (None, 0));
    here.log_changes(true).await.unwrap();
    let first = here.log_state().await.unwrap().unwrap();
    here.log_changes(true).await.unwrap();
    assert_eq!(there.log_state().await.unwrap().unwrap().id, first.id, "it is on already");
    added(&there, ANN, "logged").await.unwrap();
    here.log_changes(false).await.unwrap();
    added(&there, ANN, "unlogged again").await.unwrap();
    let bodies = waiting(&here).await;
    let kinds: Vec<String> = bodies
        .iter()
        .map(|entry| match changes(&entry.body).unwrap() {
            Body::Mark(Mark::Begins(id)) => format!("begins {}", id == first.id),
            Body::Mark(mark) => format!("{mark:?}"),
            Body::Changes(tables, all) => {
                format!("{} of {}", all.len(), tables.iter().map(|table| table.name).collect::<Vec<_>>().join("+"))
            }
        })
        .collect();
    assert_eq!(kinds, ["begins true", "2 of tally+artist", "Ends"]);
    assert!(bodies.windows(2).all(|pair| pair[0].seq < pair[1].seq && pair[0].at <= pair[1].at));
    assert_eq!(here.log_state().await.unwrap(), None);
    let claim = |store: &Store, who: &'static str, now: i64| {
        let times = (Time::from_micros(now), Time::from_micros(now + 10));
        let store = store.clone();
        async move { store.commit(Scope::Host, move |tx| tx.log_claim(who, times.0, times.1)).await.unwrap() }
    };
    assert!(!claim(&here, "a", 0).await, "nothing to ship while it is off");
    here.log_changes(true).await.unwrap();
    let second = there.log_state().await.unwrap().unwrap();
    assert!(second.id != first.id && second.since >= first.since && second.entries == 4, "{second:?}");
    assert!(claim(&here, "a", 0).await && claim(&here, "a", 5).await, "one ships, for as long as it says so");
    assert!(!claim(&there, "b", 15).await && claim(&there, "b", 16).await && !claim(&here, "a", 20).await);
}

async fn what_was_undone_is_not_in_the_log(bed: Bed) {
    let store = bed.store().await;
    store.log_changes(true).await.unwrap();
    let before = waiting(&store).await.len();
    let refused: Result<()> = store
        .commit(Scope::Tenant(ANN), |tx| {
            add(tx, "refused")?;
            Err(Code::Conflict.because("no"))
        })
        .await;
    assert!(refused.is_err());
    let panicked: Result<()> = store
        .commit(Scope::Tenant(ANN), |tx| {
            add(tx, "panicked")?;
            panic!("a bug")
        })
        .await;
    assert!(panicked.is_err());
    assert_eq!(waiting(&store).await.len(), before, "nothing changed, nothing logged");
    let change = store.commit(Scope::Tenant(ANN), |tx| {
        add(tx, "kept")?;
        let undone: Result<()> = tx.attempt(|tx| {
            add(tx, "undone")?;
            tx.write("UPDATE artist SET name = 'undone' WHERE tenant_id = :tenant", &[])?;
            Err(Code::Conflict.because("no"))
        });
        assert!(undone.is_err());
        tx.attempt(|tx| tx.write("DELETE FROM artist WHERE tenant_id = :tenant AND name = 'kept'", &[]))
    });
    assert_eq!(change.await.unwrap(), 1);
    let entries = waiting(&store).await;
    let Body::Changes(tables, all) = changes(&entries.last().unwrap().body).unwrap() else { panic!("changes") };
    let of: Vec<&str> = all.iter().map(|(table, _)| tables[*table].name).collect();
    assert_eq!((entries.len(), of), (before + 1, vec!["tally", "artist", "artist"]));
}

async fn what_could_escape_the_log_is_refused(bed: Bed) {
    let store = bed.store().await;
    added(&store, ANN, "one").await.unwrap();
    for on in [false, true] {
        store.log_changes(on).await.unwrap();
        let key = store.commit(Scope::Tenant(ANN), |tx| tx.write("UPDATE artist SET id = id + 100 WHERE tenant_id = :tenant", &[])).await;
        let through_a_query = store
            .commit(Scope::Tenant(ANN), |tx| {
                tx.rows::<i64>("WITH n AS (SELECT 1) UPDATE artist SET weight = 1 WHERE tenant_id = :tenant RETURNING id", &[])
            })
            .await;
        if on {
            assert!(cause(key).contains("a column of the key"));
            assert!(cause(through_a_query).contains("run with `write` or `writing`"));
        } else {
            assert_eq!((key.unwrap(), through_a_query.unwrap().len()), (1, 1));
        }
    }
}

async fn statements_answer_as_they_do_without_the_log(bed: Bed) {
    let store = bed.store().await;
    let mut answers = Vec::new();
    for on in [false, true] {
        store.log_changes(on).await.unwrap();
        let tenant = if on { ANN } else { BOB };
        let change = store.commit(Scope::Tenant(tenant), |tx| {
            let numbers: Vec<i64> = (0..3).map(|number| add(tx, &format!("n{number}"))).collect::<Result<_>>()?;
            let updated = tx.write("UPDATE artist AS x SET weight = x.id WHERE x.tenant_id = :tenant AND x.id > 1", &[])?;
            let pairs: Vec<(String, Option<f64>)> =
                tx.writing("DELETE FROM artist WHERE tenant_id = :tenant AND id < 3 RETURNING name || '!', weight", &[])?;
            let none = tx.write("UPDATE artist SET weight = 0 WHERE tenant_id = :tenant AND id = 99", &[])?;
            let odd =
                tx.attempt(|tx| tx.writing::<(i64, i64, i64)>("UPDATE artist SET weight = 7 WHERE tenant_id = :tenant RETURNING id", &[]));
            let left: Vec<(i64, f64)> = tx.rows("SELECT id, weight FROM artist WHERE tenant_id = :tenant", &[])?;
            Ok(format!("{numbers:?} {updated} {pairs:?} {none} {:?} {left:?} {}", odd.map_err(|error| error.code()), tx.live("artist")?))
        });
        answers.push(change.await.unwrap());
        let returning =
            store.commit(Scope::Tenant(tenant), |tx| tx.write("UPDATE artist SET weight = 1 WHERE tenant_id = :tenant RETURNING id", &[]));
        assert!(cause(returning.await).contains("run with `writing`"));
        let twice =
            store.commit(Scope::Tenant(tenant), |tx| tx.write("INSERT INTO artist (tenant_id, id, name) VALUES (:tenant, 3, 'x')", &[]));
        assert_eq!(twice.await.unwrap_err().code(), Code::Conflict);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(names(&store, ANN).await, ["n2"]);
}

async fn tables_that_are_left_out_leave_nothing(bed: Bed) {
    let store = bed.store_with(|settings| settings.unlogged = &["note"]).await;
    store.log_changes(true).await.unwrap();
    let before = waiting(&store).await.len();
    let write = |sql: &'static str| store.commit(Scope::Host, move |tx| tx.write(sql, &[]));
    write("INSERT INTO note (id, words) VALUES (1, 'a')").await.unwrap();
    // What could not be logged need not be.
    write("UPDATE note SET id = 2").await.unwrap();
    assert_eq!(waiting(&store).await.len(), before);
    let tables = by_name(&store).await;
    let loaded = store.commit(Scope::Host, move |tx| {
        let rows: Vec<Vec<Value<'_>>> =
            (1..=3).map(|id| vec![Value::Text("tenant"), Value::Int(id), Value::Text(["a", "b", "c"][id as usize - 1])]).collect();
        tx.load(&tables["artist"], &["tenant_id", "id", "name"], &rows, Load::Insert)?;
        tx.clear(&tables["artist"], None, 2)
    });
    assert_eq!(loaded.await.unwrap(), 2);
    let entries = waiting(&store).await;
    let Body::Changes(_, all) = changes(&entries.last().unwrap().body).unwrap() else { panic!("changes") };
    assert_eq!(all.len(), 5, "three rows came and two went");
}

async fn a_migration_is_a_border(bed: Bed) {
    let store = bed.store().await;
    store.log_changes(true).await.unwrap();
    added(&store, ANN, "before").await.unwrap();
    let base = store.snapshot(Scope::Host, |tx| tx.log_position()).await.unwrap();
    let last = store.migrate_down(Down::Steps(1)).await.unwrap();
    store.migrate_up().await.unwrap();
    let change = store.commit(Scope::Tenant(ANN), |tx| {
        add(tx, "after")?;
        tx.write("INSERT INTO song (tenant_id, id, artist_id, title, seconds) VALUES (:tenant, 1, 1, '', 7)", &[])
    });
    change.await.unwrap();
    let after: Vec<Entry> = waiting(&store).await.into_iter().filter(|entry| !base.holds(entry)).collect();
    let Body::Changes(tables, _) = changes(&after.last().unwrap().body).unwrap() else { panic!("changes") };
    assert!(tables.iter().any(|table| table.columns.contains(&"seconds")), "the new column is seen");
    let tables = by_name(&store).await;
    let replayed =
        store.commit(Scope::Host, move |tx| after.iter().map(|entry| tx.replay(&tables, &entry.body, &|_| true)).sum::<Result<u64>>());
    let error = replayed.await.unwrap_err();
    assert!(error.code() == Code::SchemaMismatch && error.public().contains(&last[0]), "{error:?}");
}
