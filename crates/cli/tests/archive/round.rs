//! A backup made while the service runs, and restored elsewhere.

use plimsoll_testkit::{Db, both};

use crate::{
    service::{add, artists, ledger_is_intact},
    yard::{Yard, at},
};

async fn there_and_back(from: Db, to: Db) {
    let (yard, key) = Yard::settled(from).await;
    let running = yard.plimsoll.start().await;
    let client = running.client().with_bearer(&key);
    for name in ["Ada", "Ünïcode ☃", "'; DROP TABLE artist; --"] {
        add(&client, name).await.expect(201);
    }
    let before = artists(&client).await;
    let made = yard.backup().await;
    assert_eq!(made["state"], "whole", "{made}");
    add(&client, "too late").await.expect(201);
    running.stop().await;

    let listed = yard.plimsoll.run(["backup", "list", "--json"]).await.expect(0).json();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["bytes"]), (&made["id"], &made["bytes"]), "{listed}");
    let id = made["id"].as_str().unwrap();
    let verified = yard.plimsoll.run(["backup", "verify", id, "--json"]).await.expect(0).json();
    assert_eq!(verified["rows"], made["rows"], "{verified}");

    let ground = to.ground();
    let other = at(&ground, &yard.place);
    let restored = other.run(["backup", "restore", id, "--json"]).await.expect(0).json();
    assert_eq!(restored["rows"], made["rows"], "{restored}");
    let running = other.start().await;
    let client = running.client().with_bearer(&key);
    assert_eq!(artists(&client).await, before);
    ledger_is_intact(&client).await;
    add(&client, "and on").await.expect(201);
    running.stop().await;
    let audit = other.run(["audit", "verify", "--json"]).await.expect(0).json();
    assert_eq!(audit["intact"], true, "{audit}");
}

both! {
    async fn what_was_acknowledged_before_a_backup_is_there_after_a_restore(db: Db) {
        there_and_back(db, db).await;
    }

    async fn a_backup_of_one_database_is_restored_into_the_other(db: Db) {
        there_and_back(db, if db == Db::Sqlite { Db::Postgres } else { Db::Sqlite }).await;
    }

    async fn an_erased_person_stays_erased_after_an_older_backup_was_restored(db: Db) {
        let (yard, key) = Yard::settled(db).await;
        let running = yard.plimsoll.start().await;
        let client = running.client().with_bearer(&key);
        add(&client, "Grace").await.expect(201);
        add(&client, "Ada").await.expect(201);
        yard.backup().await;
        let id = artists(&client).await["Grace"].to_string();
        running.stop().await;
        let erase = ["subject", "erase", "--tenant", "acme", "--kind", "artist", "--key", &id, "--confirm", &id];
        yard.plimsoll.run(erase).await.expect(0);

        let ground = db.ground();
        let other = at(&ground, &yard.place);
        other.run(["backup", "restore"]).await.expect(0);
        let running = other.start().await;
        let found = artists(&running.client().with_bearer(&key)).await;
        assert!(found.contains_key("Ada") && !found.contains_key("Grace"), "{found:?}");
        running.stop().await;
        // The archive itself is as it was made.
        other.run(["backup", "verify"]).await.expect(0);
    }
}
