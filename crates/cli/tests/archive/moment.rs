//! Any moment: a service with the change log on, and its state of a moment restored elsewhere.

use std::path::Path;

use plimsoll_core::{Clock, Time};
use plimsoll_testkit::{Db, both, process::Plimsoll, wait};
use serde_json::json;

use crate::{
    BOUND,
    service::{add, artists, ledger_is_intact},
    yard::{Yard, at},
};

/// Logged, and shipped without delay.
fn logged(plimsoll: Plimsoll) -> Plimsoll {
    plimsoll.env("PLIMSOLL_ARCHIVE__POINT_IN_TIME", "true").env("PLIMSOLL_ARCHIVE__SHIP_EVERY", "200ms")
}

fn now() -> Time {
    Clock::system().now()
}

/// Whether the shipper has looked once: then the log is on.
fn looked(place: &Path) -> bool {
    std::fs::read_dir(place.join("log")).into_iter().flatten().flatten().any(|log| log.path().join("seen").exists())
}

/// How far the window reaches.
async fn reach(plimsoll: &Plimsoll) -> Option<Time> {
    let listed = plimsoll.run(["backup", "list", "--json"]).await.expect(0).json();
    listed["windows"].as_array().unwrap().last().map(|window| Time::parse(window["to"].as_str().unwrap()).unwrap())
}

async fn to_a_moment(from: Db, to: Db) {
    let (mut yard, key) = Yard::settled(from).await;
    yard.plimsoll = logged(yard.again());
    let running = yard.plimsoll.start().await;
    let client = running.client().with_bearer(&key);
    add(&client, "Before").await.expect(201);
    wait::until(BOUND, || async { looked(&yard.place) }).await;
    let early = now();
    yard.backup().await;
    for name in ["Ada", "Grace", "Ünïcode ☃"] {
        add(&client, name).await.expect(201);
    }
    let ids = artists(&client).await;
    client.patch(&format!("/v1/artists/{}", ids["Before"])).json(json!({ "name": "Renamed" })).await.expect(200);
    client.delete(&format!("/v1/artists/{}", ids["Ünïcode ☃"])).await.expect(204);
    let (moment, then) = (now(), artists(&client).await);
    add(&client, "too late").await.expect(201);
    client.patch(&format!("/v1/artists/{}", ids["Before"])).json(json!({ "name": "Renamed again" })).await.expect(200);
    client.delete(&format!("/v1/artists/{}", ids["Ada"])).await.expect(204);
    let grace = ids["Grace"].to_string();
    yard.plimsoll.run(["subject", "erase", "--tenant", "acme", "--kind", "artist", "--key", &grace, "--confirm", &grace]).await.expect(0);
    let (last, end) = (now(), artists(&client).await);
    add(&client, "and on").await.expect(201);
    wait::until(BOUND, || async { reach(&yard.plimsoll).await > Some(last) }).await;
    running.stop().await;

    for (moment, mut wanted) in [(moment, then), (last, end)] {
        let (ground, moment) = (to.ground(), moment.to_string());
        let other = at(&ground, &yard.place);
        let restored = other.run(["backup", "restore", "--at", &moment, "--json"]).await.expect(0).json();
        assert!(restored["at"] == moment.as_str() && restored["commits"].as_u64().unwrap() > 5, "{restored}");
        let running = other.start().await;
        let client = running.client().with_bearer(&key);
        let mut found = artists(&client).await;
        // Whoever was erased since is erased in every moment.
        assert_eq!(wanted.remove("Grace").unwrap_or(ids["Grace"]), ids["Grace"]);
        for rows in [&mut wanted, &mut found] {
            rows.retain(|name, id| !(name.starts_with("erased:") && *id == ids["Grace"]));
        }
        assert_eq!(found, wanted, "the rows of {moment}");
        ledger_is_intact(&client).await;
        add(&client, "after the restore").await.expect(201);
        running.stop().await;
        other.run(["audit", "verify"]).await.expect(0);
    }
    let ground = to.ground();
    for outside in [early.to_string().as_str(), "2096-01-01T00:00:00Z"] {
        let refused = at(&ground, &yard.place).run(["backup", "restore", "--at", outside]).await;
        assert!(refused.code != Some(0) && refused.stderr.contains("moment"), "{refused:?}");
    }
}

both! {
    async fn exactly_the_rows_of_a_moment_come_back_and_an_erased_person_does_not(db: Db) {
        to_a_moment(db, db).await;
    }

    async fn a_moment_of_one_database_is_restored_into_the_other(db: Db) {
        to_a_moment(db, if db == Db::Sqlite { Db::Postgres } else { Db::Sqlite }).await;
    }
}
