//! Gaps that somebody accepted: marked, not failed on, and back after their last day.

use crate::{
    project::{Project, row},
    samples,
};

fn waiver(expires: &str) -> String {
    format!(
        "[[waiver]]\npractice = \"tls\"\nreason = \"the balancer in front ends it\"\nowner = \"platform\"\ncreated = 2026-01-01\nexpires = {expires}\n"
    )
}

#[test]
fn a_waived_gap_stays_in_the_report_and_fails_nothing() {
    let project = Project::of(samples::GO.1);
    assert_eq!(row(&project.report(&[]), "tls")["status"], "missing");
    let failed = |project: &Project| {
        let report = project.assess(&["--fail-on", "critical", "--json"]).json();
        report["gate"]["failed_by"].as_array().unwrap().iter().any(|id| id == "tls")
    };
    assert!(failed(&project));
    project.write(".plimsoll/waivers.toml", waiver("2999-12-31"));
    assert!(!failed(&project));
    let report = project.report(&[]);
    let tls = row(&report, "tls");
    assert_eq!(tls["status"], "missing", "a waiver changes no truth");
    assert_eq!(tls["looked"]["gaps"][0]["waived"]["owner"], "platform");
    assert_eq!(report["repository"]["waivers"][0]["expired"], false);
}

#[test]
fn an_expired_waiver_waives_nothing_and_the_run_can_fail_on_it() {
    let project = Project::of(samples::GO.1);
    project.write(".plimsoll/waivers.toml", waiver("2026-01-02"));
    let report = project.assess(&["--fail-on", "critical,expired", "--json"]).expect(1).json();
    assert!(report["gate"]["failed_by"].as_array().unwrap().iter().any(|id| id == "tls"), "{}", report["gate"]);
    assert_eq!(report["repository"]["waivers"][0]["expired"], true);
    assert!(row(&report, "tls")["looked"]["gaps"][0]["waived"].is_null());
    project.assess(&["--fail-on", "expired"]).expect(1);
}

#[test]
fn without_a_day_it_holds_for_ninety() {
    let project = Project::of(samples::GO.1);
    let text = waiver("2026-01-01").replace("expires = 2026-01-01\n", "");
    project.write(".plimsoll/waivers.toml", text);
    let report = project.report(&[]);
    assert_eq!(report["repository"]["waivers"][0]["expires"], "2026-04-01");
}

#[test]
fn a_file_of_waivers_that_is_not_understood_stops_the_run() {
    let project = Project::of(samples::GO.1);
    project.write(".plimsoll/waivers.toml", waiver("2999-12-31").replace("\"tls\"", "\"tlss\""));
    let output = project.assess(&[]).expect(2);
    assert!(output.stderr.contains(".plimsoll/waivers.toml:2: there is no practice `tlss`"), "{output}");
}

#[test]
fn a_comment_waives_the_line_below_it() {
    let compose = |comment: &str| {
        let head = "services:\n  database:\n    image: postgres:16.4\n    environment:\n";
        format!("{head}{comment}      POSTGRES_PASSWORD: kx7RtQ2wLm9\n")
    };
    let project = Project::of(samples::GO.1);
    project.write("docker-compose.yml", compose(""));
    let gaps = |project: &Project| row(&project.report(&[]), "no-hardcoded-credentials")["looked"]["gaps"].clone();
    assert_eq!((&gaps(&project)[0]["place"]["line"], &gaps(&project)[0]["waived"]), (&5.into(), &serde_json::Value::Null));
    project.write(
        "docker-compose.yml",
        compose("      # plimsoll: allow no-hardcoded-credentials until 2999-12-31 a database of this machine\n"),
    );
    let waived = &gaps(&project)[0]["waived"];
    assert_eq!((&waived["inline"], &waived["reason"]), (&true.into(), &"a database of this machine".into()));
    assert!(!gaps(&project).to_string().contains("kx7RtQ2wLm9"), "what is secret is not shown");
}
