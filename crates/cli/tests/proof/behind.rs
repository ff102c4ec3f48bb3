//! `plimsoll prove URL` where a foreign service stands behind the host.

use plimsoll_assess::rig::Service;
use plimsoll_testkit::process::{Plimsoll, Running};
use serde_json::Value;

fn binary() -> Plimsoll {
    Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll"))
}

/// The host in front of a service, with these variables besides.
async fn deployment(service: &Service, variables: &[(&str, &str)]) -> Running {
    let host = binary().verb("run").args(["--upstream", &service.base]);
    variables.iter().fold(host, |host, (name, value)| host.env(name, value)).start().await
}

/// What is reported of these practices; the exit code has to be `code`.
async fn report(running: &Running, practices: &[&str], code: i32) -> Value {
    let url = running.url();
    let only = practices.iter().flat_map(|id| ["--only", id]);
    let words: Vec<&str> = ["prove", url.as_str(), "--json"].into_iter().chain(only).collect();
    binary().run(words).await.expect(code).json()
}

fn row<'r>(report: &'r Value, id: &str) -> &'r Value {
    report["practices"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

#[tokio::test]
async fn what_the_host_keeps_is_proven_and_the_inside_of_the_service_stays_unknown_with_the_reason() {
    let service = Service::start().await.unwrap();
    let running = deployment(&service, &[]).await;
    let report = report(&running, &["auth-required", "security-headers", "idempotency-keys", "db-transactions", "webhooks"], 0).await;
    for ours in ["auth-required", "security-headers", "idempotency-keys"] {
        assert_eq!(row(&report, ours)["status"], "implemented", "{}", row(&report, ours));
        let evidence = row(&report, ours)["evidence"].to_string();
        assert!(evidence.contains("on a private instance"), "{evidence}");
    }
    assert!(row(&report, "security-headers")["evidence"].to_string().contains("on the deployment: "));
    let inside = row(&report, "db-transactions");
    assert_eq!((&inside["status"], &inside["checks"][0]["doubt"]), (&"unknown".into(), &"out-of-reach".into()));
    assert!(inside["why"].as_str().unwrap().contains("how it stores"), "{inside}");
    // About a foreign service nothing is taken for granted: it may well send webhooks.
    assert_eq!(row(&report, "webhooks")["status"], "unknown");
    let attacked: Vec<String> = service.seen("closed").into_iter().map(|seen| seen.target).collect();
    assert_eq!(attacked, Vec::<String>::new(), "what stands behind a deployment is not attacked");
}

#[tokio::test]
async fn what_a_look_finds_broken_on_the_deployment_outweighs_the_copy() {
    let service = Service::start().await.unwrap();
    let off = [
        ("PLIMSOLL_PROFILE", "development"),
        ("PLIMSOLL_PRACTICES__OFF", "{ \"security-headers\" = \"left out for this test\" }"),
        ("PLIMSOLL_ROUTES__DEFAULT", "public: a test"),
    ];
    let running = deployment(&service, &off).await;
    let report = report(&running, &["security-headers"], 1).await;
    let row = row(&report, "security-headers");
    assert_eq!(row["status"], "partial", "{row}");
    let check = row["checks"].as_array().unwrap().iter().find(|check| check["id"] == "error-answers").unwrap();
    assert!(check["why"].as_str().unwrap().contains("not true: the answer to an unknown address"), "{row}");
}

#[tokio::test]
async fn a_service_without_a_host_is_not_attacked() {
    let service = Service::start().await.unwrap();
    let refused = binary().run(["prove", &service.base]).await.expect(4);
    assert!(refused.stderr.contains("--target-profile generic"), "{refused}");
}
