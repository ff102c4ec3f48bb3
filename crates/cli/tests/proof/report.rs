//! What `plimsoll prove` prints, writes, keeps and checks again.

use std::{fs, path::Path};

use plimsoll_testkit::{Db, both, both::Ground, process::Plimsoll};
use serde_json::Value;

/// A probe that is quick.
const QUICK: &str = "auth-required";

fn prover(ground: &Ground) -> Plimsoll {
    Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).on(ground)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_form_is_written_and_two_runs_differ_in_their_time_only() {
    both::run(async {
        let ground = Db::Sqlite.ground();
        let out = ground.data.path().join("forms");
        let out = out.to_str().unwrap();
        let mut reports = Vec::new();
        for _ in 0..2 {
            let mut line = vec!["prove", "--only", QUICK, "--out", out];
            for form in ["text", "json", "markdown", "html", "sarif", "junit", "proof"] {
                line.extend(["--format", form]);
            }
            prover(&ground).run(line).await.expect(0);
            let mut report = json(&Path::new(out).join("report.json"));
            assert!(report["header"].as_object_mut().unwrap().shift_remove("time").is_some());
            reports.push(report.to_string());
        }
        assert_eq!(reports[0], reports[1]);
        let mut names: Vec<String> = fs::read_dir(out).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["junit.xml", "proof.json", "report.html", "report.json", "report.md", "report.sarif", "report.txt"]);
        let report: Value = serde_json::from_str(&reports[0]).unwrap();
        assert_eq!(report["schema"], "plimsoll.report/1");
        assert_eq!(report["practices"].as_array().unwrap().len(), 251);
        assert_eq!((&report["gate"]["passed"], &report["safe_to_deploy"]), (&true.into(), &false.into()));
        assert!(!ground.data.path().join("proofs/latest.json").exists(), "a run of a few practices is not kept as the proof of the whole");
    });
}

#[test]
fn a_broken_practice_closes_the_gate() {
    both::run(async {
        let ground = Db::Sqlite.ground();
        let broken = prover(&ground).run(["prove", "--only", QUICK, "--without", QUICK, "--json"]).await.expect(1).json();
        assert_eq!(broken["gate"]["failed_by"], serde_json::json!([QUICK]));
        let row = broken["practices"].as_array().unwrap().iter().find(|row| row["id"] == QUICK).unwrap().clone();
        assert!(row["why"].as_str().unwrap().contains("not true: "), "{row}");
        assert!(row["done_when"].as_array().unwrap().len() > 1 && !row["evidence"].as_array().unwrap().is_empty(), "{row}");
        let asked = prover(&ground).run(["prove", "--only", QUICK, "--gate", "minimum"]).await.expect(1);
        assert!(asked.stdout.contains("below Minimum"), "{asked}");
    });
}

#[test]
fn a_proof_is_checked_again_and_an_altered_one_is_found() {
    both::run(async {
        let ground = Db::Sqlite.ground();
        let plimsoll = prover(&ground);
        let path = ground.data.path().join("proof.json");
        let file = path.to_str().unwrap();
        plimsoll.run(["prove", "--only", QUICK, "--format", "proof", "--out", file]).await.expect(0);
        let known = plimsoll.run(["prove", "--verify", file, "--json"]).await.expect(0).json();
        assert_eq!((&known["intact"], &known["signer"], &known["adds_up"]), (&true.into(), &"known".into(), &true.into()));
        let signer = known["fingerprint"].as_str().unwrap().to_owned();

        // Somebody else has other data, and does not know who signed.
        let elsewhere = Db::Sqlite.ground();
        let told = prover(&elsewhere).run(["prove", "--verify", file]).await.expect(0);
        assert!(told.stderr.contains("WARNING") && told.stdout.contains("UNKNOWN") && told.stdout.contains(&signer), "{told}");
        let named = prover(&elsewhere).run(["prove", "--verify", file, "--signer", &signer]).await.expect(0);
        assert!(named.stderr.is_empty(), "{named}");
        let other = format!("sha256:{}", "0".repeat(64));
        prover(&elsewhere).run(["prove", "--verify", file, "--signer", &other]).await.expect(1);
        prover(&elsewhere).run(["prove", "--verify", file, "--signer", "me"]).await.expect(2);

        let text = fs::read_to_string(&path).unwrap();
        for (forged, reason) in [
            (text.replacen("\"safe_to_deploy\": false", "\"safe_to_deploy\": true", 1), "changed after it was signed"),
            (text[..text.len() / 2].to_owned(), "cut off"),
            ("<html>".to_owned(), "not JSON"),
        ] {
            assert_ne!(forged, text);
            fs::write(&path, forged).unwrap();
            let found = plimsoll.run(["prove", "--verify", file]).await.expect(1);
            assert!(found.stdout.contains("NOT INTACT") && found.stdout.contains(reason), "{found}");
        }
        plimsoll.run(["prove", "--verify", "/nowhere/proof.json"]).await.expect(3);
    });
}

#[test]
fn what_changed_between_two_proofs_is_told() {
    both::run(async {
        let ground = Db::Sqlite.ground();
        let plimsoll = prover(&ground);
        let (before, after) = (ground.data.path().join("before.json"), ground.data.path().join("after.json"));
        let (before, after) = (before.to_str().unwrap(), after.to_str().unwrap());
        plimsoll.run(["prove", "--only", QUICK, "--format", "proof", "--out", before]).await.expect(0);
        plimsoll.run(["prove", "--only", QUICK, "--without", QUICK, "--format", "json", "--out", after]).await.expect(1);
        let worse = plimsoll.run(["prove", "--diff", before, after]).await.expect(1);
        assert!(
            worse.stdout.contains("worse auth-required: implemented → ") && worse.stdout.contains("claims passed → claims failed"),
            "{worse}"
        );
        let better = plimsoll.run(["prove", "--diff", after, before, "--json"]).await.expect(0).json();
        assert_eq!(better["worse"], false);
        let none = plimsoll.run(["prove", "--diff"]).await.expect(2);
        assert!(none.stderr.contains("two are needed"), "{none}");
    });
}

#[test]
fn forms_without_a_place_are_refused_before_anything_is_attacked() {
    both::run(async {
        let ground = Db::Sqlite.ground();
        for line in [
            vec!["prove", "--format", "json", "--format", "html"],
            vec!["prove", "--out", "there"],
            vec!["prove", "--ablate", "--format", "html"],
            vec!["prove", "--verify", "x", "--diff"],
            vec!["prove", "--signer", "x"],
            vec!["prove", "--gate", "none"],
        ] {
            let refused = prover(&ground).run(line.clone()).await.expect(2);
            assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{line:?}: {refused}");
        }
    });
}

#[test]
#[cfg(unix)]
fn a_signing_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    both::run(async {
        let ground = Db::Sqlite.ground();
        let line = ["prove", "--only", QUICK, "--format", "proof"];
        prover(&ground).run(line).await.expect(0);
        let key = ground.data.path().join("proofs/signing.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = prover(&ground).run(line).await.expect(4);
        assert!(refused.stderr.contains("can be read by others"), "{refused}");
    });
}
