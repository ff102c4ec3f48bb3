//! Scratch tenants: they leave nothing behind and take nothing along that is not theirs.

use std::{collections::BTreeMap, time::Duration};

use plimsoll::{Code, Role, host::Mounts, identity::operate::Desk};
use plimsoll_core::{Clock, Seed};
use plimsoll_store::{Place, Settings, Store};
use plimsoll_testkit::{Db, both, wait};
use serde_json::json;

use crate::house::{House, PASSWORD};

/// An operator's desk on the data of a running server.
fn desk(house: &House) -> Desk {
    let place = match house.ground.url() {
        Some(url) => Place::Postgres { url: url.to_owned() },
        None => Place::Sqlite { path: house.ground.data.join("plimsoll.db") },
    };
    let mounts = Mounts::new().mount::<plimsoll_catalogue::Catalogue>(plimsoll_catalogue::Config::default());
    let store = Store::open(Settings { place, readers: 1, writers: 1, ..Settings::default() }, mounts.schemas()).unwrap();
    Desk { store, clock: Clock::system(), seed: Seed::system(), config: plimsoll::identity::section::IdentityConfig::default().into() }
}

/// Every row of every table that mentions one of these words, by table.
fn mentions(house: &House, words: &[&str]) -> BTreeMap<String, Vec<Vec<String>>> {
    let tables = match house.ground.url() {
        Some(_) => "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
        None => "SELECT name FROM sqlite_schema WHERE type = 'table'",
    };
    let mut found = BTreeMap::new();
    for table in house.look(tables).into_iter().flatten() {
        let rows = house.look(&format!("SELECT * FROM \"{table}\""));
        let rows: Vec<_> = rows.into_iter().filter(|row| row.iter().any(|cell| words.iter().any(|word| cell.contains(word)))).collect();
        if !rows.is_empty() {
            found.insert(table, rows);
        }
    }
    found
}

both! {
    async fn a_scratch_tenant_leaves_with_everything_and_with_nothing_else(db: Db) {
        let house = House::open(db, &[], &[]).await;
        let desk = desk(&house);
        let other = house.tenant().await;
        other.owner.make("artists", json!({ "name": "Stays" })).await;
        let known = other.person("viewer").await;

        let made = desk.create_scratch_tenant("probe-one").await.unwrap();
        let key = desk.create_key("probe-one", "probe", Role::Owner, Vec::new(), None).await.unwrap();
        let probe = crate::house::Tenant { house: &house, slug: made.slug, id: made.id.to_string(), owner: house.stranger().with(&key.secret) };
        let artist = probe.owner.make("artists", json!({ "name": "Goes" })).await;
        probe.owner.make("songs", json!({ "title": "Goes", "artist_id": artist })).await;
        probe.key("viewer").await;
        let (stays, leaves, moves) = (probe.person("editor").await, probe.person("editor").await, probe.person("editor").await);
        probe.login(&stays).await;
        probe.login(&leaves).await;
        probe.owner.delete(&format!("/v1/users/{}", leaves.id)).await.expect(204);
        other.owner.post("/v1/users").json(json!({ "email": moves.email, "role": "viewer" })).await.expect(201);
        probe.owner.post("/v1/users").json(json!({ "email": known.email, "role": "viewer" })).await.expect(201);
        house.stranger().post("/v1/auth/login").json(json!({ "email": stays.email, "password": "wrong", "tenant": "probe-one" })).await.expect(401);
        let before = mentions(&house, &[&probe.id]);
        for table in ["api_key", "artist", "ledger", "member", "refresh", "session", "song", "tally", "tenant"] {
            assert!(before.contains_key(table), "{table}: {:?}", before.keys());
        }
        let others = mentions(&house, &[&other.id]);

        desk.remove_scratch_tenant("probe-one").await.unwrap();

        let left = mentions(&house, &[&probe.id, &stays.id, &leaves.id, &stays.email, &leaves.email]);
        let (tables, rows): (Vec<_>, Vec<_>) = left.into_iter().unzip();
        assert_eq!(tables, ["ledger"], "{rows:?}");
        let host = plimsoll_core::TenantId::from_bits(0).to_string();
        assert!(rows[0].iter().all(|row| row[0] == host), "{rows:?}");
        assert!(rows[0].iter().any(|row| row.iter().any(|cell| cell == "tenant.remove")), "{rows:?}");
        assert_eq!(mentions(&house, &[&other.id]), others, "another tenant loses nothing");
        for person in [&known, &moves] {
            let credentials = json!({ "email": person.email, "password": PASSWORD, "tenant": other.slug });
            house.stranger().post("/v1/auth/login").json(credentials).await.expect(200);
        }
        assert_eq!(other.owner.get("/v1/audit/verify").await.expect(200).at("/intact"), true);
        house.command(&["audit", "verify"]).await;
        wait::until(Duration::from_secs(10), || async { probe.owner.get("/v1/songs").await.code() == 401 }).await;

        desk.remove_scratch_tenant("probe-one").await.unwrap();
        desk.create_scratch_tenant("probe-one").await.unwrap();
    }

    async fn only_a_prober_makes_scratch_tenants_and_only_those_are_removed(db: Db) {
        let house = House::open(db, &[], &[]).await;
        let (desk, other) = (desk(&house), house.tenant().await);
        for slug in [other.slug.as_str(), "nobody", ""] {
            assert_eq!(desk.remove_scratch_tenant(slug).await.unwrap_err().code(), Code::Refused, "{slug}");
            assert_eq!(desk.create_scratch_tenant(slug).await.unwrap_err().code(), Code::Refused, "{slug}");
        }
        other.owner.get("/v1/songs").await.expect(200);
        assert_eq!(desk.create_tenant("probe-two", "Two").await.unwrap_err().code(), Code::Invalid);
        house.plimsoll.run(["tenant", "create", "probe-two"]).await.expect(2);
    }
}
