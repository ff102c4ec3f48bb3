//! The schema over its life: first start, up, down, too new, and two who change it at once.

use plimsoll_testkit::{Db, both, both::Ground, postgres, process::Plimsoll, wait};
use serde_json::Value;

use crate::{
    BOUND,
    service::{Service, add, artists, binary},
};

/// Ids of migrations in one of these states, in order.
async fn in_state(plimsoll: &Plimsoll, state: &str) -> Vec<String> {
    let status = plimsoll.run(["migrate", "status", "--json"]).await.expect(0).json();
    let rows = status["migrations"].as_array().unwrap();
    let name = |row: &Value| format!("{}/{}", row["owner"].as_str().unwrap(), row["id"].as_str().unwrap());
    rows.iter().filter(|row| row["state"] == state).map(name).collect()
}

fn names(output: &Value, field: &str) -> Vec<String> {
    output[field].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Runs one statement behind the service's back.
fn meddle(ground: &Ground, sql: &str) {
    match &ground.database {
        Some(database) => postgres::query(&database.url, |client| client.batch_execute(sql)),
        None => rusqlite::Connection::open(ground.data.join("plimsoll.db")).unwrap().execute_batch(sql).unwrap(),
    }
}

#[test]
fn a_fresh_start_migrates_the_embedded_database() {
    both::run(async {
        let plimsoll = binary();
        let running = plimsoll.start().await;
        assert_eq!(in_state(&plimsoll, "pending").await, Vec::<String>::new());
        assert!(!in_state(&plimsoll, "applied").await.is_empty());
        running.stop().await;
    });
}

#[test]
fn a_fresh_start_on_postgresql_waits_for_an_operator() {
    both::run(async {
        let ground = Db::Postgres.ground();
        let refusal = binary().on(&ground).attempt().await.err().unwrap().output;
        assert_eq!(refusal.code, Some(3), "{refusal}");
        assert!(refusal.stderr.contains("run `plimsoll migrate up`, or start with `--migrate`"), "{refusal}");
        assert_eq!(refusal.stdout, "");
        assert!(in_state(&binary().on(&ground), "applied").await.is_empty(), "nothing was touched");
        binary().on(&ground).args(["--migrate"]).start().await.stop().await;
        binary().on(&ground).start().await.stop().await;
    });
}

both! {
    async fn up_and_down_and_up_again(db: Db) {
        let ground = db.ground();
        let plimsoll = binary().on(&ground);
        let all = in_state(&plimsoll, "pending").await;
        assert!(all.contains(&"catalogue/0001_catalogue".to_owned()), "{all:?}");
        let up = plimsoll.run(["migrate", "up", "--json"]).await.expect(0).json();
        assert_eq!(names(&up, "applied"), all);
        let again = plimsoll.run(["migrate", "up"]).await.expect(0);
        assert_eq!(again.stdout.trim(), "nothing is pending");

        let refused = plimsoll.run(["migrate", "down", "--steps", "2"]).await.expect(4);
        assert!(refused.stderr.contains("--yes"), "{refused}");
        assert_eq!(in_state(&plimsoll, "applied").await, all);

        let down = plimsoll.run(["migrate", "down", "--steps", "2", "--yes", "--json"]).await.expect(0).json();
        let mut undone = names(&down, "undone");
        undone.reverse();
        assert_eq!(undone, all[all.len() - 2..]);
        assert_eq!(in_state(&plimsoll, "pending").await, undone);
        let rest = plimsoll.run(["migrate", "down", "--steps", "99", "--yes", "--json"]).await.expect(0).json();
        assert_eq!(names(&rest, "undone").len(), all.len() - 2);
        plimsoll.run(["migrate", "up"]).await.expect(0);
        assert_eq!(in_state(&plimsoll, "applied").await, all);
    }

    async fn a_database_ahead_of_the_binary_is_left_alone(db: Db) {
        let ground = db.ground();
        let plimsoll = binary().on(&ground);
        plimsoll.run(["migrate", "up"]).await.expect(0);
        meddle(&ground, "INSERT INTO plimsoll_migration (owner, id, checksum, applied_at, version) VALUES ('catalogue', '0099_future', 'x', 1, '9.9.9')");
        for verb in [&["serve"][..], &["serve", "--migrate"], &["migrate", "up"], &["tenant", "list"]] {
            let output = plimsoll.run(verb).await.expect(3);
            assert!(output.stderr.contains("0099_future") && output.stderr.contains("PLM-DAT"), "{verb:?}: {output}");
        }
        let status = plimsoll.run(["migrate", "status"]).await.expect(1);
        assert!(status.stdout.contains("0099_future"), "{status}");
        meddle(&ground, "DELETE FROM plimsoll_migration WHERE id = '0099_future'");
        plimsoll.start().await.stop().await;
    }

    async fn a_migration_that_was_edited_after_it_was_applied_is_noticed(db: Db) {
        let ground = db.ground();
        let plimsoll = binary().on(&ground);
        plimsoll.run(["migrate", "up"]).await.expect(0);
        meddle(&ground, "UPDATE plimsoll_migration SET checksum = 'x' WHERE owner = 'catalogue'");
        let output = plimsoll.run(["serve"]).await.expect(3);
        assert!(output.stderr.contains("0001_catalogue"), "{output}");
        plimsoll.run(["migrate", "status"]).await.expect(1);
    }

    async fn of_processes_that_migrate_at_once_each_migration_is_applied_by_one(db: Db) {
        let ground = db.ground();
        let plimsoll = binary().on(&ground);
        let all = in_state(&plimsoll, "pending").await;
        let up = || plimsoll.run(["migrate", "up", "--json"]);
        let (a, b, c, d) = tokio::join!(up(), up(), up(), up());
        let mut applied: Vec<String> = [a, b, c, d].into_iter().flat_map(|output| names(&output.expect(0).json(), "applied")).collect();
        applied.sort();
        let mut expected = all;
        expected.sort();
        assert_eq!(applied, expected);
    }

    async fn a_migration_undone_under_a_running_service_closes_its_gate_until_it_is_back(db: Db) {
        let service = Service::new(db).await;
        let running = service.plimsoll.start().await;
        let client = service.client(&running);
        add(&client, "before").await.expect(201);
        service.plimsoll.run(["migrate", "down", "--yes"]).await.expect(0);
        wait::until(BOUND, || async { client.get("/v1/artists").await.code() == 503 }).await;
        running.client().get("/health/live").await.expect(200);
        wait::until(BOUND, || async { running.client().get("/health/ready").await.code() == 503 }).await;
        service.plimsoll.run(["migrate", "up"]).await.expect(0);
        running.ready(BOUND).await.unwrap();
        add(&client, "after").await.expect(201);
        let found: Vec<(String, i64)> = artists(&client).await.into_iter().collect();
        // The newest migration is of another system: what it does not hold is there as before, and numbers go on.
        assert_eq!(found, [("after".to_owned(), 2), ("before".to_owned(), 1)]);
    }
}
