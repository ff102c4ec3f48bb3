//! Trees that mean harm.

use std::{fs, os::unix::fs::symlink, process::Command, time::Instant};

use crate::project::Project;

const APP: &str = "from flask import Flask\napp = Flask(__name__)\n";

#[test]
fn links_are_not_followed_and_circles_end() {
    let project = Project::of(&[("app.py", APP)]);
    symlink(&project.top, project.top.join("again")).unwrap();
    symlink("/", project.top.join("everything")).unwrap();
    symlink("/dev/zero", project.top.join("main.py")).unwrap();
    let seen = project.seen();
    assert_eq!(seen["framework"], "Flask");
    assert!(seen["skipped"].to_string().contains("3 links"), "{seen}");
}

#[test]
fn what_is_too_large_or_no_text_is_said() {
    let project = Project::of(&[("app.py", APP)]);
    project.write("large.py", vec![b'#'; (1 << 20) + 1]);
    project.write("odd.py", [b'a', 0xff, 0xfe]);
    let skipped = project.seen()["skipped"].to_string();
    assert!(
        skipped.contains("larger than 1 MiB, such as large.py") && skipped.contains("1 files or names that are not UTF-8"),
        "{skipped}"
    );
}

#[test]
fn a_pipe_is_not_opened() {
    let project = Project::of(&[("app.py", APP)]);
    let made = Command::new("mkfifo").args(["main.py", "plimsoll.toml"].map(|name| project.top.join(name))).status().unwrap();
    assert!(made.success());
    let output = project.adopt("", &["--yes"]).expect(4);
    assert!(output.stderr.contains("is not a file"), "{output}");
}

#[test]
fn thousands_of_files_do_not_take_long() {
    let project = Project::of(&[("app.py", APP)]);
    let line = "value = call(first, \"second\", [1, 2, 3])\n";
    for folder in 0..40 {
        for file in 0..100 {
            project.write(&format!("package{folder}/module{file}.py"), line.repeat(20));
        }
    }
    let begun = Instant::now();
    assert_eq!(project.seen()["framework"], "Flask");
    // A second and a half for an optimised build would be much; this one is not optimised.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn more_entries_than_the_bound_are_said() {
    let project = Project::of(&[("app.py", APP)]);
    let folder = project.top.join("many");
    fs::create_dir(&folder).unwrap();
    for file in 0..40_100 {
        fs::write(folder.join(format!("{file}.txt")), "").unwrap();
    }
    let seen = project.seen();
    assert_eq!(seen["framework"], "Flask");
    assert!(seen["skipped"].to_string().contains("everything after 40000 entries"), "{seen}");
}

#[test]
fn deep_brackets_and_endless_lines_are_only_text() {
    let project = Project::of(&[("app.py", APP)]);
    project.write("deep.py", format!("from flask import Flask\nx = Flask({}", "f(".repeat(200_000)));
    project.write("deep.js", format!("app.get({}", "'".repeat(300_001)));
    project.write("deep.rs", format!("/*{}", "/*".repeat(200_000)));
    project.write("package.json", "[".repeat(100_000));
    project.write("Cargo.toml", format!("a = {}", "[".repeat(100_000)));
    let begun = Instant::now();
    assert_eq!(project.seen()["framework"], "Flask");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn names_and_texts_cannot_write_lines_of_their_own() {
    let project = Project::of(&[("Procfile", "web: gunicorn app:app --name '\u{1b}[2Jx'\n")]);
    project.write("bad\nname\u{1b}[31m/app.py", "from flask import Flask\napp = Flask(__name__)\n@app.route('/health\\n\"x\" = 1')\ndef h(): ...\n@app.route('/a\u{202e}b/health')\ndef i(): ...\n");
    let shown = project.adopt("", &[]).expect(1);
    assert!(!shown.stdout.contains('\u{1b}') && !shown.stdout.contains('\u{202e}'), "{shown}");
    let text = project.accepted();
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(
        text.lines().all(|line| line.is_empty() || ["#", "[", "name = \"shop\"", "default ="].iter().any(|begin| line.starts_with(begin))),
        "{text}"
    );
    assert!(!text.contains("/health"), "{text}");
}

#[test]
fn nothing_of_the_project_is_run() {
    let project = Project::of(&[("app.py", APP)]);
    for name in ["manage.py", "conftest.py", "sitecustomize.py"] {
        project.write(name, format!("open({:?}, 'w')\n", project.top.join("ran").display().to_string()));
    }
    project.write("package.json", "{ \"scripts\": { \"preinstall\": \"touch ran\", \"start\": \"touch ran\" } }");
    project.accepted();
    assert!(!project.top.join("ran").exists());
}
