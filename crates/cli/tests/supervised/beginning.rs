//! From the command line to the first answer, and what happens when it does not come.

use std::{fs, os::unix::fs::PermissionsExt};

use plimsoll_testkit::{Db, Scratch, both, process::Plimsoll, wait};

use crate::{BOUND, SCRIPT, answering, ask, behind, binary, lives};

#[test]
fn the_service_gets_a_port_and_nothing_of_ours() {
    both::run(async {
        let running = behind(&["plain", "--port=$PORT", "${PORT}", "$PORTAL"]).start().await;
        let given = ask(&running, "/given").await;
        let port = given["port"].as_str().unwrap();
        let (number, low): (u16, &str) = (port.parse().unwrap(), &fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap());
        assert!(number < low.split_whitespace().next().unwrap().parse().unwrap(), "{port} may become the port of any outgoing connection");
        assert_eq!(given["host"], "127.0.0.1");
        assert_eq!(given["arguments"], serde_json::json!(["plain", format!("--port={port}"), port, "$PORTAL"]));
        assert_eq!(given["ours"], serde_json::json!([]), "our settings may hold secrets");
        assert_eq!(given["stdin"], "");
    });
}

#[test]
fn a_service_that_runs_already_is_mounted_by_its_address() {
    both::run(async {
        let first = behind(&[]).start().await;
        let url = format!("http://127.0.0.1:{}", ask(&first, "/given").await["port"].as_str().unwrap());
        let beside = binary().env("PLIMSOLL_ROUTES__DEFAULT", "public: a test").args(["--upstream", &url]);
        let second = beside.start().await;
        assert_eq!(ask(&second, "/").await["pid"], ask(&first, "/").await["pid"]);
        assert_eq!(second.stop().await.code(), Some(0));
        ask(&first, "/").await;
    });
}

#[test]
fn until_it_is_ready_a_person_sees_a_page_and_a_program_when_to_ask_again() {
    both::run(async {
        let service = behind(&[]).service("READY_PATH", "/ready");
        let running = service.spawn();
        let client = running.client();
        wait::until(BOUND, || async { client.get("/anything").attempt().await.is_ok() }).await;
        let page = client.get("/anything").header("accept", "text/html,*/*").await.expect(503);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.text().contains("http-equiv=\"refresh\""), "{page}");
        let problem = client.get("/anything").await.expect(503);
        assert_eq!((problem.header("retry-after"), problem.at("/code")), (Some("1"), "PLM-UPS-005".into()));
        client.get("/health/ready").await.expect(503);
        client.get("/health/live").await.expect(200);
        running.place("open", "");
        wait::until(BOUND, || async { client.get("/health/ready").await.code() == 200 }).await;
        client.get("/anything").header("accept", "text/html").await.expect(200);
    });
}

#[test]
fn a_command_that_cannot_be_started_is_an_error_of_the_environment_at_once() {
    both::run(async {
        let place = Scratch::new();
        let plain = place.join("plain");
        fs::write(&plain, "#!/bin/sh\n").unwrap();
        let foreign = place.join("foreign");
        fs::write(&foreign, "#!/no/such/interpreter\n").unwrap();
        fs::set_permissions(&foreign, fs::Permissions::from_mode(0o755)).unwrap();
        for (command, sentence) in [
            ("no-such-command-here", "command not found: `no-such-command-here`"),
            ("./no/such/file", "there is no program `./no/such/file`"),
            (plain.to_str().unwrap(), "is not executable"),
            (place.path().to_str().unwrap(), "is a folder"),
            (foreign.to_str().unwrap(), "cannot be started: No such file or directory"),
        ] {
            let refused = free(&["--", command]).await.expect(3);
            assert!(refused.stderr.contains(sentence) && refused.stderr.contains("PLM-OPS-003"), "{command}: {refused}");
            assert!(!refused.stderr.contains("started again"), "{refused}");
        }
    });
}

#[test]
fn a_service_that_ends_again_and_again_is_given_up_and_its_last_words_are_shown() {
    both::run(async {
        let service = behind(&["broken"]).service("START_ATTEMPTS", "3");
        let running = service.spawn();
        assert_eq!(running.wait().await.code(), Some(3));
        let said = running.stderr();
        assert!(said.contains("was started 3 times and was never ready; the last time it ended with exit code 1 after"), "{said}");
        assert!(said.contains("put it in single quotes"), "{said}");
        let (_, last) = said.split_once("the last lines of the service:").unwrap();
        assert!(last.contains("    ValueError: a setting is missing\n"), "{said}");
        assert!(last.contains("password=***") && !said.contains("hunter2"), "{said}");
        assert_eq!(said.matches("the service's process has started").count(), 3);
    });
}

#[test]
fn a_service_that_never_listens_is_told_apart_from_one_that_listens_elsewhere() {
    both::run(async {
        for (mode, words) in [("deaf", "did not listen on 127.0.0.1:"), ("elsewhere", " s but on port ")] {
            let service = behind(&[mode]).service("START_TIMEOUT", "1500ms").service("START_ATTEMPTS", "1");
            let running = service.spawn();
            assert_eq!(running.wait().await.code(), Some(3));
            let said = running.stderr();
            assert!(said.contains(words) && said.contains("the command line does not name $PORT"), "{mode}: {said}");
        }
        let named = behind(&["deaf", "$PORT"]).service("START_TIMEOUT", "500ms").service("START_ATTEMPTS", "1");
        let running = named.spawn();
        assert_eq!(running.wait().await.code(), Some(3));
        assert!(running.stderr().contains("did not listen") && !running.stderr().contains("does not name $PORT"), "{}", running.stderr());
        assert!(!running.stderr().contains("single quotes"), "{}", running.stderr());
    });
}

#[test]
fn what_would_serve_nothing_or_does_not_belong_into_production_is_refused() {
    both::run(async {
        let nothing = free(&[]).await.expect(2);
        assert!(nothing.stderr.contains("nothing to run"), "{nothing}");
        let both = free(&["--upstream", "http://127.0.0.1:1", "--", "true"]).await.expect(2);
        assert!(both.stderr.contains("cannot be used with"), "{both}");
        let wrong = free(&["--upstream", "127.0.0.1:1"]).await.expect(3);
        assert!(wrong.stderr.contains("--upstream"), "{wrong}");
        let production = binary().env("PLIMSOLL_PROFILE", "production").env("PLIMSOLL_TLS__OFF", "encrypted by the mesh below");
        let refused = production.run(["run", "--key", "--", "true"]).await.expect(4);
        assert!(refused.stderr.contains("--key"), "{refused}");
    });
}

#[test]
fn a_ready_key_opens_a_service_that_is_closed_without_one() {
    both::run(async {
        let running = behind(&[]).env("PLIMSOLL_ROUTES__DEFAULT", "authenticated").start().await;
        running.client().get("/").await.expect(401);
        assert!(running.stdout().contains("/setup#"), "the way to the first account: {}", running.stdout());
        assert_eq!(running.stop().await.code(), Some(0));

        let keyed = binary().args(["--key", "--", "python3", SCRIPT]);
        let running = keyed.start().await;
        let printed = running.stdout();
        let key = printed.split_whitespace().find(|word| word.starts_with("plm_")).unwrap();
        assert!(printed.contains(&format!("curl -H 'Authorization: Bearer {key}' '{}/'", running.url())), "{printed}");
        running.client().get("/").await.expect(401);
        running.client().get("/").bearer(key).await.expect(200);
    });
}

#[test]
fn a_taken_address_of_ours_starts_no_service() {
    both::run(async {
        let first = behind(&[]).start().await;
        let pid = answering(&first).await;
        let address = first.url().replace("http://", "");
        let place = Scratch::new();
        let mark = place.join("mark");
        let refused =
            binary().run(["run", "--listen", &address, "--ops-listen", "127.0.0.1:0", "--", "touch", mark.to_str().unwrap()]).await;
        assert!(refused.clone().expect(3).stderr.contains("cannot listen on"), "{refused}");
        assert!(!mark.exists() && lives(pid));
    });
}

both! {
    async fn the_data_of_serve_is_good_for_run_and_the_other_way_round(db: Db) {
        let ground = db.ground();
        let native = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).on(&ground).args(["--migrate"]);
        let served = native.start().await;
        served.client().get("/v1/songs").await.expect(401);
        served.stop().await;
        let foreign = binary().on(&ground).env("PLIMSOLL_ROUTES__DEFAULT", "public: a test").args(["--", "python3", SCRIPT]);
        let mounted = foreign.start().await;
        ask(&mounted, "/").await;
        assert!(ask(&mounted, "/v1/songs").await["pid"].is_number(), "native systems are not mounted: the path is the service's");
        mounted.client().get("/v1/keys").await.expect(401);
        assert_eq!(mounted.stop().await.code(), Some(0));
        native.start().await.client().get("/v1/songs").await.expect(401);
    }
}

/// Runs to the end on free ports.
async fn free(arguments: &[&str]) -> plimsoll_testkit::process::Output {
    let plimsoll: Plimsoll = binary();
    plimsoll.run(["run", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"].iter().chain(arguments)).await
}
