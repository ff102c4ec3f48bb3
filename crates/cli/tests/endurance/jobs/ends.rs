//! How attempts end that do not end well, and what a process that stops leaves to others.

use std::time::Duration;

use plimsoll_testkit::{Db, both, http::Client, wait};
use serde_json::{Value, json};

use super::{House, look::Eye};
use crate::BOUND;

async fn trouble(client: &Client, how: &str) -> String {
    client.post("/v1/rehearsal/trouble").json(json!({ "how": how, "name": how })).await.expect(200).str("/job")
}

/// Waits until a job is in this state.
async fn awaited(eye: &Eye, id: &str, state: &'static str) {
    wait::until(BOUND, || {
        let (eye, id) = (eye.clone(), id.to_owned());
        async move { tokio::task::spawn_blocking(move || eye.kept().jobs.get(&id).is_some_and(|job| job.state == state)).await.unwrap() }
    })
    .await;
}

/// What the database holds of a job, as text.
fn column(eye: &Eye, id: &str, column: &str) -> String {
    let rows = eye.rows(&format!("SELECT COALESCE(CAST({column} AS TEXT), '') FROM job WHERE id = '{id}'")).unwrap();
    rows[0][0].clone()
}

both! {
    async fn an_attempt_that_panics_hangs_or_rambles_fails_and_the_last_one_is_a_dead_letter(db: Db) {
        let house = House::new(db).await;
        let server = house.plimsoll.start().await;
        let client = server.client().with_bearer(&house.key);
        let (panics, rambles, hangs) = (trouble(&client, "panics").await, trouble(&client, "rambles").await, trouble(&client, "hangs").await);
        for id in [&panics, &rambles, &hangs] {
            awaited(&house.eye, id, "dead").await;
        }
        let kept = house.eye.kept();
        for (id, code) in [(&panics, "PLM-INT-001"), (&rambles, "PLM-INT-001"), (&hangs, "PLM-INT-002")] {
            assert_eq!(kept.failures[id], [(1, code.to_owned()), (2, code.to_owned())]);
        }
        assert!(kept.artists.is_empty(), "what was dropped took effect: {:?}", kept.artists);
        let sentence = house.eye.rows(&format!("SELECT sentence FROM job_failure WHERE job_id = '{rambles}' AND seq = 1")).unwrap();
        assert!(sentence[0][0].len() < 70_000 && sentence[0][0].ends_with("(cut: 65536 of 100000 bytes)"));
        server.client().get("/health/ready").await.expect(200);
    }

    async fn a_result_is_kept_up_to_a_bound_and_progress_can_be_seen(db: Db) {
        let house = House::new(db).await;
        let server = house.plimsoll.start().await;
        let client = server.client().with_bearer(&house.key);
        let hoards = trouble(&client, "hoards").await;
        awaited(&house.eye, &hoards, "done").await;
        let result: Value = serde_json::from_str(&column(&house.eye, &hoards, "result")).unwrap();
        assert_eq!((&result["cut"], &result["bytes"]), (&json!(true), &json!(100_002)));
        let hangs = trouble(&client, "hangs").await;
        wait::until(BOUND, || {
            let (eye, id) = (house.eye.clone(), hangs.clone());
            async move { tokio::task::spawn_blocking(move || column(&eye, &id, "done_units || ' ' || total_units || ' ' || progress")).await.unwrap() == "3 10 in no hurry" }
        })
        .await;
    }

    async fn a_process_that_stops_gives_back_what_it_cannot_finish(db: Db) {
        let house = House::with(db, &[("PLIMSOLL_WORK__SLOTS", "0"), ("PLIMSOLL_SERVER__DRAIN_TIMEOUT", "300ms")]).await;
        let server = house.plimsoll.start().await;
        let client = server.client().with_bearer(&house.key);
        let worker = house.worker.spawn();
        let made = client.post("/v1/rehearsal/jobs").json(json!({ "jobs": [{ "name": "long", "ms": 3000 }] })).await.expect(200);
        let id = made.str("/jobs/0");
        awaited(&house.eye, &id, "running").await;
        assert_eq!(worker.stop().await.code(), Some(0), "{}", worker.stderr());
        assert_eq!((column(&house.eye, &id, "state"), column(&house.eye, &id, "attempt")), ("ready".to_owned(), "0".to_owned()));
        let worker = house.worker.spawn();
        awaited(&house.eye, &id, "done").await;
        let kept = house.eye.kept();
        assert_eq!((kept.jobs[&id].attempt, kept.failures.contains_key(&id), kept.artists["long"]), (1, false, 1));
        drop(worker);
        tokio::time::timeout(Duration::from_secs(60), server.stop()).await.unwrap();
    }
}
