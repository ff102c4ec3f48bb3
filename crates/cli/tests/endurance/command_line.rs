//! The command line: what it prints where, how it ends, and what a process costs that does nothing.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use plimsoll_testkit::{Db, both, postgres::Server, process::Output, wait};
use serde_json::json;

use crate::{
    BOUND,
    service::{Service, binary, generous, status_kib},
};

const PASSWORD: &str = "seven red kettles sing at noon";

#[test]
fn a_wrong_command_line_ends_with_2_and_shows_the_right_one() {
    both::run(async {
        let cases: [&[&str]; 8] = [
            &["frobnicate"],
            &[],
            &["serve", "--nope"],
            &["key", "create"],
            &["migrate", "down", "--steps", "many"],
            &["tenant", "create", "Not A Slug!"],
            &["key", "create", "--tenant", "nobody", "--role", "owner"],
            &["audit", "verify", "--tenant", "nobody"],
        ];
        for case in cases {
            let output = binary().run(case).await.expect(2);
            assert_eq!(output.stdout, "", "{case:?}: {output}");
            assert!(!output.stderr.trim().is_empty(), "{case:?}: {output}");
            assert!(!output.stderr.contains("panicked"), "{case:?}: {output}");
        }
        let help = binary().run(["--help"]).await.expect(0);
        assert!(help.stdout.contains("serve --demo") && help.stderr.is_empty(), "{help}");
        let version = binary().run(["--version"]).await.expect(0);
        assert!(version.stdout.starts_with("plimsoll "), "{version}");
    });
}

both! {
    async fn administration_needs_no_server_and_speaks_json(db: Db) {
        let ground = db.ground();
        let plimsoll = binary().on(&ground);
        plimsoll.run(["migrate", "up"]).await.expect(0);
        let result = async |verb: &[&str]| {
            let output = plimsoll.run(verb).await.expect(0);
            assert_eq!(output.stderr, "", "{verb:?}: results go to standard output alone");
            output.json()
        };
        let tenant = result(&["tenant", "create", "acme", "--name", "Acme Ltd", "--json"]).await;
        assert_eq!((&tenant["slug"], &tenant["name"]), (&json!("acme"), &json!("Acme Ltd")));
        assert!(tenant["id"].as_str().unwrap().starts_with("ten_"));

        let key = result(&["key", "create", "--tenant", "acme", "--role", "viewer", "--scope", "artists:read", "--expires", "30d", "--json"]).await;
        assert!(key["id"].as_str().unwrap().starts_with("key_") && key["key"].as_str().unwrap().starts_with("plm_"), "{key}");
        for (lifetime, sentence) in [("0d", "from 1m to 3650d"), ("99999999999d", "from 1m to 3650d"), ("1x", "30d, 12h or 45m")] {
            let refused = plimsoll.run(["key", "create", "--tenant", "acme", "--role", "viewer", "--expires", lifetime]).await.expect(2);
            assert!(refused.stderr.contains(sentence), "{lifetime}: {refused}");
        }
        assert!(key["expires_at"].is_string() && key["scopes"] == json!(["artists:read"]), "{key}");

        let create = ["user", "create", "--tenant", "acme", "--email", "ada@example.org", "--role", "owner", "--password-stdin", "--json"];
        let weak = plimsoll.run_with(create, "password\n").await.expect(2);
        assert!(weak.stderr.contains("PLM-AUTH-008") && weak.stderr.contains("/password: must have at least"), "{weak}");
        assert_eq!(weak.stdout, "");
        let none = plimsoll.run_with(create, "").await.expect(2);
        assert!(none.stderr.contains("no password came"), "{none}");
        let user = plimsoll.run_with(create, &format!("{PASSWORD}\n")).await.expect(0);
        assert_eq!((user.json()["email"].clone(), user.json()["role"].clone()), (json!("ada@example.org"), json!("owner")));
        assert!(!user.to_string().contains(PASSWORD));

        for (list, field, expected) in [
            (&["tenant", "list", "--json"][..], "slug", "acme"),
            (&["user", "list", "--tenant", "acme", "--json"], "email", "ada@example.org"),
            (&["key", "list", "--tenant", "acme", "--json"], "id", key["id"].as_str().unwrap()),
        ] {
            assert_eq!(result(list).await[0][field], expected, "{list:?}");
        }
        let shown = result(&["key", "list", "--tenant", "acme", "--json"]).await;
        assert!(!shown.to_string().contains(key["key"].as_str().unwrap()), "a key is shown once");
        let audit = result(&["audit", "verify", "--json"]).await;
        assert_eq!(audit["intact"], true, "{audit}");
        assert!(audit["chains"].as_array().unwrap().iter().any(|chain| chain["tenant"] == "acme" && chain["entries"].as_i64() > Some(0)), "{audit}");

        let again = plimsoll.run(["tenant", "create", "acme"]).await.expect(2);
        assert!(again.stderr.contains("acme"), "{again}");
        plimsoll.run(["tenant", "close", "acme"]).await.expect(4);
        plimsoll.run(["key", "revoke", "--tenant", "acme", key["id"].as_str().unwrap()]).await.expect(0);
    }

    async fn what_the_command_line_made_opens_the_door(db: Db) {
        let service = Service::new(db).await;
        let create = ["user", "create", "--tenant", "acme", "--email", "ada@example.org", "--role", "owner", "--password-stdin"];
        service.plimsoll.run_with(create, &format!("{PASSWORD}\n")).await.expect(0);
        let running = service.plimsoll.start().await;
        service.client(&running).get("/v1/artists").await.expect(200);
        let login = json!({ "email": "ada@example.org", "password": PASSWORD });
        let token = running.client().post("/v1/auth/login").json(login.clone()).await.expect(200).str("/access_token");
        running.client().get("/v1/auth/me").bearer(&token).await.expect(200);
        // Administration works beside a running server, and is felt there.
        service.plimsoll.run(["user", "disable", "--email", "ada@example.org"]).await.expect(0);
        running.client().post("/v1/auth/login").json(login).await.expect(401);
        let made = service.plimsoll.run(["key", "create", "--tenant", "acme", "--role", "viewer", "--json"]).await.expect(0).json();
        let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
        running.client().get("/v1/artists").bearer(key).await.expect(200);
        service.plimsoll.run(["key", "revoke", "--tenant", "acme", id]).await.expect(0);
        wait::until(BOUND, || async { running.client().get("/v1/artists").bearer(key).await.code() == 401 }).await;
    }

    async fn a_demo_started_twice_is_there_once(db: Db) {
        let ground = db.ground();
        let plimsoll = generous(binary().on(&ground)).args(["--demo", "--migrate"]);
        let mut totals = Vec::new();
        for _ in 0..2 {
            let running = plimsoll.start().await;
            wait::until(BOUND, || async { running.stdout().contains("plm_") }).await;
            let key = word(&running.stdout(), "plm_");
            let client = running.client().with_bearer(key);
            let total = async |noun: &str| client.get(&format!("/v1/{noun}?page_size=1")).await.expect(200).at("/pagination/total_items");
            totals.push((total("artists").await, total("songs").await));
            running.stop().await;
        }
        assert_eq!(totals[0], totals[1]);
        assert!(totals[0].0.as_i64() > Some(0) && totals[0].1.as_i64() > Some(0));
    }

    async fn the_first_start_prints_a_link_that_works_once(db: Db) {
        let ground = db.ground();
        let plimsoll = generous(binary().on(&ground)).args(["--migrate"]);
        let running = plimsoll.start().await;
        wait::until(BOUND, || async { running.stdout().contains("/setup#token=") }).await;
        let link = word(&running.stdout(), "http://");
        assert!(link.starts_with(&running.url()), "{link}");
        assert!(!running.stderr().contains("/setup#token="), "logs are kept, and read by many");
        running.client().get("/setup").header("accept", "text/html").await.expect(200);
        let token = link.split_once("#token=").unwrap().1.to_owned();
        let setup = |token: &str, email: &str| {
            running.client().post("/v1/setup").json(json!({ "token": token, "email": email, "password": PASSWORD, "tenant": { "slug": "acme", "name": "Acme" } }))
        };
        assert!(setup("wrong", "eve@example.org").await.code() >= 400);
        let made = setup(&token, "ada@example.org").await;
        assert!(made.status.is_success(), "{made}");
        assert!(setup(&token, "eve@example.org").await.code() >= 400);
        running.client().post("/v1/auth/login").json(json!({ "email": "ada@example.org", "password": PASSWORD })).await.expect(200);
        running.stop().await;
        let running = plimsoll.start().await;
        running.client().get("/health/ready").await.expect(200);
        assert!(!running.stdout().contains("/setup"), "{}", running.stdout());
    }
}

/// The word of a text that begins like this.
fn word(text: &str, beginning: &str) -> String {
    text.split_whitespace().find(|word| word.starts_with(beginning)).unwrap_or_else(|| panic!("no {beginning} in {text}")).to_owned()
}

#[test]
fn codes_are_explained_and_near_misses_suggested() {
    both::run(async {
        let explain = async |what: &str| binary().run(["explain", what]).await;
        let page = explain("PLM-AUTH-001").await.expect(0);
        assert!(page.stdout.starts_with("# ") && page.stdout.contains("PLM-AUTH-001"), "{page}");
        assert_eq!(explain("not-found").await.expect(0).stdout, explain("/problems/not-found").await.expect(0).stdout);
        let near = explain("not-fund").await.expect(2);
        assert!(near.stderr.contains("did you mean `not-found`?") && near.stdout.is_empty(), "{near}");
        let far = explain("nonsense").await.expect(2);
        assert!(far.stderr.contains("nothing is called `nonsense`"), "{far}");
        let json = binary().run(["explain", "not-found", "--json"]).await.expect(0).json();
        assert_eq!((&json["slug"], &json["status"]), (&json!("not-found"), &json!(404)));
        let api = binary().run(["openapi"]).await.expect(0).json();
        assert!(api["openapi"].as_str().unwrap().starts_with("3.1") && api["paths"]["/v1/artists"].is_object());
    });
}

/// The state of each check.
fn states(output: &Output) -> Vec<(String, String)> {
    let text = |line: &serde_json::Value, field: &str| line[field].as_str().unwrap().to_owned();
    output.json().as_array().unwrap().iter().map(|line| (text(line, "check"), text(line, "state"))).collect()
}

both! {
    async fn the_doctor_is_content_with_a_sound_service(db: Db) {
        let service = Service::new(db).await;
        let found = states(&service.plimsoll.run(["doctor", "--json"]).await.expect(0));
        assert!(found.iter().all(|(_, state)| state == "ok"), "{found:?}");
        for check in ["configuration", "database", "durability", "schema", "master key"] {
            assert!(found.iter().any(|(name, _)| name == check), "{check}: {found:?}");
        }
        assert!(service.plimsoll.run(["doctor"]).await.expect(0).stdout.starts_with("ok "));
    }
}

#[test]
fn the_doctor_names_what_is_wrong_and_the_fix() {
    both::run(async {
        let ground = Db::Postgres.ground();
        let unmigrated = binary().on(&ground).run(["doctor"]).await.expect(1);
        assert!(unmigrated.stdout.contains("FAILED   schema") && unmigrated.stdout.contains("fix: plimsoll migrate up"), "{unmigrated}");
        let superuser = ground.database.as_ref().unwrap().superuser_url.clone();
        let unsafe_role = binary().database(superuser).run(["doctor", "--json"]).await.expect(1);
        assert!(states(&unsafe_role).contains(&("row security".to_owned(), "failed".to_owned())), "{unsafe_role}");

        let server = Server::dedicated();
        let gone = binary().database(server.database().url.clone());
        server.stop();
        let gone = gone.run(["doctor", "--json"]).await.expect(1);
        assert!(states(&gone).contains(&("database".to_owned(), "failed".to_owned())), "{gone}");
    });
}

#[test]
fn an_open_secret_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    both::run(async {
        let ground = Db::Sqlite.ground();
        let plimsoll = binary().on(&ground);
        plimsoll.start().await.stop().await;
        let secret = ground.data.join("secret.key");
        assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = plimsoll.run(["serve"]).await.expect(3);
        assert!(refused.stderr.contains("secret.key"), "{refused}");
    });
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    both::run(async {
        let refused = binary().run(["explain", "nonsense"]).await.expect(2);
        assert!(!refused.stderr.contains('\u{1b}'), "{refused}");
    });
    // `script` gives the process a terminal.
    let on_a_terminal = |no_colour: &str| {
        let line = format!("{} explain nonsense", env!("CARGO_BIN_EXE_plimsoll"));
        Command::new("script").args(["-qec", &line, "/dev/null"]).env("NO_COLOR", no_colour).output()
    };
    match (on_a_terminal(""), on_a_terminal("1")) {
        (Ok(with), Ok(without)) => {
            assert!(with.stdout.contains(&0x1b), "{}", String::from_utf8_lossy(&with.stdout));
            assert!(!without.stdout.contains(&0x1b), "{}", String::from_utf8_lossy(&without.stdout));
        }
        _ => println!("skipped the terminal: there is no `script` here"),
    }
}

/// Processor time of a process so far, in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in parentheses may hold spaces; user and system time are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

both! {
    async fn an_idle_process_rests(db: Db) {
        let service = Service::new(db).await;
        let begun = Instant::now();
        let running = service.plimsoll.spawn();
        wait::until(BOUND, || async { running.client().get("/health/live").attempt().await.is_ok() }).await;
        let first = begun.elapsed();
        running.ready(BOUND).await.unwrap();
        service.client(&running).get("/v1/artists").await.expect(200);
        // What the start has begun comes to rest before the measurement; the measurement itself is a wait.
        wait::until(BOUND, || async {
            let before = ticks(running.pid());
            tokio::time::sleep(Duration::from_millis(200)).await;
            ticks(running.pid()) == before
        })
        .await;
        let before = ticks(running.pid());
        tokio::time::sleep(Duration::from_secs(3)).await;
        let (used, resident) = (ticks(running.pid()) - before, status_kib(running.pid(), "VmRSS"));
        println!("{db:?}: first answer {} ms after the start; idle: {used} ticks in 3 s, {resident} KiB resident", first.as_millis());
        assert!(used < 5, "{used} ticks in three seconds of doing nothing");
        // A build without optimisation, with two systems and the description of two hundred operations.
        assert!(resident <= 128 << 10, "{resident} KiB");
    }
}
