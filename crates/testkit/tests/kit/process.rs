use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::Duration,
};

use plimsoll_testkit::{
    Scratch,
    http::Client,
    process::{Plimsoll, Signal},
    wait,
};
use serde_json::json;

use super::BOUND;

const STAND_IN: &str = env!("CARGO_BIN_EXE_testkit-stand-in");

#[tokio::test]
async fn a_service_is_started_when_it_is_ready_on_both_listeners() {
    let service = Plimsoll::at(STAND_IN).args(["--demo"]).start().await;

    assert_eq!(service.client().get("/").await.text(), "public");
    assert_eq!(service.ops().get("/").await.text(), "operations");
    let printed = service.stdout();
    assert!(printed.starts_with("serving serve --listen 127.0.0.1:") && printed.ends_with("--demo\n"), "{printed}");
    assert_eq!(service.ended(), None);
}

#[tokio::test]
async fn data_database_and_command_reach_the_process() {
    let data = Scratch::new();
    let plimsoll = Plimsoll::at(STAND_IN).data(&data).database("postgres://x").env("PLIMSOLL_LOG__LEVEL", "debug");
    let output = plimsoll.run_with(["user", "create"], "secret\n").await.expect(0);

    let data = data.path().to_str().unwrap();
    assert_eq!(
        output.json(),
        json!({
            "arguments": ["user", "create", "--data", data, "--database-url", "postgres://x"],
            "input": "secret\n",
            "variables": ["PLIMSOLL_LOG__LEVEL"],
        })
    );
    assert_eq!(output.stderr, "done\n");
    assert_eq!(plimsoll.run(["fail"]).await.code, Some(4));
}

#[tokio::test]
async fn a_refused_start_shows_what_the_process_said() {
    let refusal = Plimsoll::at(STAND_IN).env("STAND_IN", "refuses").attempt().await.err().unwrap();
    assert_eq!(refusal.output.code, Some(3));
    assert_eq!(refusal.output.stderr, "the data directory is of a later version\n");
    assert!(refusal.to_string().starts_with("the process ended before it was ready (exit status: 3)\n"), "{refusal}");
}

#[tokio::test]
async fn a_start_that_takes_too_long_is_given_up() {
    let plimsoll = Plimsoll::at(STAND_IN).env("STAND_IN", "sleeps").within(Duration::from_millis(200));
    let refusal = plimsoll.attempt().await.err().unwrap();
    assert_eq!(refusal.output.code, None);
    assert!(refusal.why.starts_with("the process was not ready within 200ms"), "{refusal}");
}

#[tokio::test]
async fn signals_freeze_thaw_and_end_a_service() {
    let service = Plimsoll::at(STAND_IN).start().await;
    let client = service.client();

    service.signal(Signal::Stop);
    wait::until(BOUND, || async { client.get("/").within(Duration::from_millis(200)).attempt().await.is_err() }).await;
    service.signal(Signal::Cont);
    wait::until(BOUND, || async { client.get("/").within(Duration::from_secs(5)).attempt().await.is_ok() }).await;

    assert_eq!(service.stop().await.signal(), Some(15));
    assert_eq!(service.ended().and_then(|status| status.signal()), Some(15));
}

#[tokio::test]
async fn a_dropped_service_is_gone() {
    let service = Plimsoll::at(STAND_IN).start().await;
    let client = service.client();
    drop(service);
    assert!(client.get("/").attempt().await.is_err());
}

#[tokio::test]
async fn a_crash_is_followed_by_a_start_on_the_same_data() {
    let plimsoll = Plimsoll::at(STAND_IN);
    let first = plimsoll.start().await;
    assert_eq!(first.crash().await.signal(), Some(9));

    let second = plimsoll.start().await;

    assert_ne!(first.url(), second.url());
    assert_eq!(second.client().get("/").await.code(), 200);
}

#[tokio::test]
async fn a_killed_test_process_takes_its_service_along() {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_testkit-holder"));
    let mut holder = holder.args(["serve", STAND_IN]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let url = BufReader::new(holder.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let client = Client::new(url);
    client.get("/").await.expect(200);

    // SIGKILL: nothing in the process can run any more.
    holder.kill().unwrap();
    holder.wait().unwrap();

    wait::until(BOUND, || async { client.get("/").attempt().await.is_err() }).await;
}
