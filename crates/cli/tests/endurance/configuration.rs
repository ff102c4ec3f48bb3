//! The configuration as an operator meets it: faults, refusals, explanations, and the pages made from it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use plimsoll_testkit::{Db, both, process::Plimsoll};
use serde_json::Value;

use crate::service::binary;

const SECRET: &str = "hunter2-in-the-url";

/// The binary with this `plimsoll.toml` in its working directory.
fn configured(text: &str) -> Plimsoll {
    let plimsoll = binary();
    fs::write(plimsoll.directory().join("plimsoll.toml"), text).unwrap();
    plimsoll
}

#[test]
fn every_fault_of_a_file_is_shown_at_once_with_its_line() {
    both::run(async {
        let plimsoll = configured(&format!(
            "[server]\nlisen = \"127.0.0.1:80\"\nidle_timeout = \"soon\"\n\n[database]\nreaders = \"many\"\nurl = \"postgres://me:{SECRET}@db/x\"\n\n[nothing]\na = 1\n"
        ));
        let expected = [
            "plimsoll.toml:2:1",
            "unknown key `lisen`",
            "did you mean `listen`?",
            "plimsoll.toml:3:16",
            "`soon` is not a duration",
            "plimsoll.toml:6:11",
            "plimsoll.toml:9:2",
            "unknown section [nothing]",
        ];
        let checked = plimsoll.run(["config", "check"]).await.expect(1);
        let served = plimsoll.run(["serve"]).await.expect(3);
        for sentence in expected {
            assert!(checked.stdout.contains(sentence), "{sentence}: {checked}");
            assert!(served.stderr.contains(sentence), "{sentence}: {served}");
        }
        assert_eq!((checked.stderr.as_str(), served.stdout.as_str()), ("", ""));

        let listed = plimsoll.run(["config", "check", "--json"]).await.expect(1);
        assert_eq!(listed.json()["ok"], false);
        let places: Vec<_> = listed.json()["faults"].as_array().unwrap().iter().map(|fault| fault["place"].clone()).collect();
        assert_eq!(places, ["plimsoll.toml:2:1", "plimsoll.toml:3:16", "plimsoll.toml:6:11", "plimsoll.toml:9:2"]);
        for output in [checked, served, listed] {
            assert!(!output.to_string().contains(SECRET), "{output}");
        }
    });
}

#[test]
fn faults_in_the_environment_name_the_variable() {
    both::run(async {
        let plimsoll = binary().env("PLIMSOLL_SERVER__LISEN", "127.0.0.1:80").env("PLIMSOLL_SERVER__CONNECTIONS", "many");
        for (verb, code) in [(["config", "check"], 1), (["tenant", "list"], 3)] {
            let output = plimsoll.run(verb).await.expect(code);
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(said.contains("unknown environment variable PLIMSOLL_SERVER__LISEN"), "{output}");
            assert!(said.contains("did you mean PLIMSOLL_SERVER__LISTEN?"), "{output}");
            assert!(said.contains("environment variable PLIMSOLL_SERVER__CONNECTIONS"), "{output}");
        }
    });
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    both::run(async {
        let output = binary().run(["config", "check", "--config", "nowhere.toml"]).await.expect(1);
        assert!(output.stdout.contains("nowhere.toml does not exist"), "{output}");
        binary().run(["doctor", "--config", "nowhere.toml"]).await.expect(3);
    });
}

/// A production configuration without fault, to add one to.
const SOUND: &str = "profile = \"production\"\n[tls]\noff = \"encrypted by the mesh below\"\n";

#[test]
fn production_refuses_what_is_fine_on_a_desk() {
    both::run(async {
        configured(SOUND).run(["config", "check"]).await.expect(0);
        let cases = [
            ("profile = \"production\"\n".to_owned(), "TLS is required"),
            (format!("{SOUND}[cors]\norigins = [\"*\"]\ncredentials = true\n"), "lets every origin send cookies"),
            (format!("{SOUND}[practices]\noff = {{ rate-limit = \"shown to fail without it\" }}\n"), "in the development profile only"),
            (format!("{SOUND}[server]\noperations = \"0.0.0.0:9090\"\n"), "could be read from other machines"),
            ("profile = \"production\"\n[tls]\noff = \"no\"\n".to_owned(), "plain HTTP without a reason"),
        ];
        for (text, sentence) in cases {
            let plimsoll = configured(&text);
            let checked = plimsoll.run(["config", "check"]).await.expect(1);
            assert!(checked.stdout.contains(sentence), "{text}\n{checked}");
            let served = plimsoll.run(["serve"]).await.expect(3);
            assert!(served.stderr.contains(sentence), "{text}\n{served}");
            assert!(!served.stderr.contains("listening"), "{served}");
        }
    });
}

#[test]
fn production_takes_no_sample_data() {
    both::run(async {
        let refused = configured(SOUND).run(["serve", "--demo"]).await.expect(4);
        assert!(refused.stderr.contains("do not belong into production"), "{refused}");
        assert_eq!(refused.stdout, "", "no key was made");
    });
}

#[test]
fn production_on_a_server_for_many_wants_a_master_key_that_somebody_chose() {
    both::run(async {
        let ground = Db::Postgres.ground();
        let plimsoll = configured(SOUND).on(&ground);
        // Every command reads the configuration of the service, so none goes on without the key.
        for command in [&["config", "check"][..], &["migrate", "up"], &["serve"]] {
            let refused = plimsoll.run(command).await;
            assert!(matches!(refused.code, Some(1 | 3)), "{refused}");
            let told = format!("{}{}", refused.stdout, refused.stderr);
            assert!(told.contains("`identity.master_key`") && !told.contains("listening"), "{refused}");
        }
        let key = "3f9c1d7be2a84056c1f0a97d5e3b8264907dcb1e6fa2853410e9bd7c5af83621";
        plimsoll.env("PLIMSOLL_IDENTITY__MASTER_KEY", key).run(["migrate", "up"]).await.expect(0);
    });
}

#[test]
fn explain_shows_where_a_value_comes_from() {
    both::run(async {
        let explain = ["config", "explain", "server.idle_timeout"];
        let from = async |plimsoll: &Plimsoll| plimsoll.run(explain).await.expect(0).stdout;
        let plain = from(&binary()).await;
        assert!(plain.contains("from      default"), "{plain}");
        let plimsoll = configured("[server]\nidle_timeout = \"50s\"\n");
        let file = from(&plimsoll).await;
        assert!(file.contains("\"50s\"") && file.contains("plimsoll.toml:2"), "{file}");
        let variable = from(&plimsoll.env("PLIMSOLL_SERVER__IDLE_TIMEOUT", "60s")).await;
        assert!(variable.contains("\"1m\"") || variable.contains("\"60s\""), "{variable}");
        assert!(variable.contains("environment variable PLIMSOLL_SERVER__IDLE_TIMEOUT"), "{variable}");

        let unknown = binary().run(["config", "explain", "server.lisen"]).await.expect(2);
        assert!(unknown.stderr.contains("did you mean `server.listen`?"), "{unknown}");
        let all = binary().run(["config", "explain", "--json"]).await.expect(0).json();
        let names: Vec<&str> = all.as_array().unwrap().iter().filter_map(|one| one["key"].as_str().or(one["name"].as_str())).collect();
        assert!(names.contains(&"server.listen") && names.contains(&"catalogue.public_read"), "{all}");
    });
}

#[test]
fn a_secret_is_never_printed() {
    both::run(async {
        let url = format!("postgres://me:{SECRET}@127.0.0.1:1/x");
        let in_file = configured(&format!("[database]\nurl = \"{url}\"\n"));
        let in_variable = binary().env("PLIMSOLL_DATABASE__URL", &url);
        let in_secret_file = binary();
        let path = in_secret_file.directory().join("url");
        fs::write(&path, format!("{url}\n")).unwrap();
        let in_secret_file = in_secret_file.env("PLIMSOLL_DATABASE__URL_FILE", &path);
        let malformed = binary().env("PLIMSOLL_DATABASE__URL", format!("postgrs//{SECRET}"));
        for plimsoll in [in_file, in_variable, in_secret_file, malformed] {
            for verb in [
                &["config", "explain"][..],
                &["config", "explain", "--json"],
                &["config", "check"],
                &["doctor"],
                &["doctor", "--json"],
                &["serve"],
                &["tenant", "list"],
            ] {
                let output = plimsoll.run(verb).await;
                assert!(!output.to_string().contains(SECRET), "{verb:?}: {output}");
            }
            plimsoll.run(["serve"]).await.expect(3);
        }
    });
}

#[test]
fn the_example_file_is_a_configuration_without_fault() {
    both::run(async {
        let plimsoll = binary();
        let example = plimsoll.run(["config", "example"]).await.expect(0).stdout;
        let path = plimsoll.directory().join("plimsoll.toml");
        fs::write(&path, &example).unwrap();
        plimsoll.run(["config", "check"]).await.expect(0);

        // And with every default written out.
        let lines: Vec<&str> = example.lines().collect();
        let default_at = |at: usize| {
            let key = lines[at].strip_prefix("# ")?;
            let name = key.split_once(" = ")?.0;
            let unset = lines[at.saturating_sub(2)..at].iter().any(|line| line.contains("not set by") || line.contains("set by default"));
            // A file with secrets is there on no machine but its owner's.
            let unset = unset || name.ends_with("_file");
            (!unset && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).then_some(key)
        };
        let defaults: Vec<Option<&str>> = (0..lines.len()).map(default_at).collect();
        assert!(defaults.iter().flatten().count() > 30, "{example}");
        let written: Vec<&str> = lines.iter().zip(defaults).map(|(line, default)| default.unwrap_or(line)).collect();
        fs::write(&path, written.join("\n")).unwrap();
        plimsoll.run(["config", "check"]).await.expect(0);
    });
}

/// The root of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Fails where a page in the repository is not what the code makes; `PLIMSOLL_TEST_WRITE=1` writes it instead.
fn same(page: &str, made: &str) {
    let path = repository().join(page);
    if std::env::var_os("PLIMSOLL_TEST_WRITE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(made.lines()).find(|(kept, made)| kept != made);
    assert!(kept == made, "{page} is not what the code makes (first difference: {differs:?}); `just generate` writes it");
}

#[test]
fn the_pages_made_from_code_are_up_to_date() {
    both::run(async {
        same("docs/reference/configuration.md", &binary().run(["config", "reference"]).await.expect(0).stdout);
        same("plimsoll.example.toml", &binary().run(["config", "example"]).await.expect(0).stdout);
        let stack = "# The stack\n\n<!-- Made from the list in the code; a test compares this page with it. -->\n\n\
            A request passes these layers from top to bottom, its answer from bottom to top.\n\n";
        same("docs/reference/stack.md", &format!("{stack}{}", plimsoll::stack::reference()));
    });
}

#[test]
fn answers_of_check_are_json_when_asked() {
    both::run(async {
        let fine = binary().run(["config", "check", "--json"]).await.expect(0).json();
        assert_eq!(fine, serde_json::json!({ "ok": true, "faults": Vec::<Value>::new() }));
    });
}
