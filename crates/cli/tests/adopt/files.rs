//! The file: kept, added to, written whole or not at all.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::project::Project;

const APP: &str = "from fastapi import FastAPI\napp = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins=[\"https://a.example.org\"])\n@app.get(\"/ping\")\ndef ping(): ...\n";

#[test]
fn without_yes_and_without_a_terminal_nothing_is_written() {
    let project = Project::of(&[("main.py", APP)]);
    let output = project.adopt("", &[]).expect(1);
    assert!(output.stdout.contains("+++ b/plimsoll.toml") && output.stdout.contains("+[service]"), "{output}");
    assert!(output.stderr.contains("nothing was written; say --yes"), "{output}");
    assert_eq!(project.written(), None);
    assert_eq!(fs::read_dir(&project.top).unwrap().count(), 1);
}

#[test]
fn what_the_owner_wrote_is_kept_and_only_what_is_missing_is_added() {
    let own = "# ours\n[routes]\ndefault   = \"deny\" # on purpose\n\n[server]\nlisten = \"127.0.0.1:7777\"\n";
    let project = Project::of(&[("main.py", APP), ("plimsoll.toml", own)]);
    let text = project.accepted();
    let mut lines = text.lines();
    assert!(own.lines().all(|line| lines.any(|other| other == line)), "{text}");
    assert!(
        !text.contains("\"authenticated\"") && text.contains("[service]\n") && text.contains("origins = [\"https://a.example.org\"]"),
        "{text}"
    );
}

#[test]
fn a_second_time_there_is_nothing_to_add() {
    let project = Project::of(&[("main.py", APP)]);
    let first = project.accepted();
    let output = project.adopt("", &[]).expect(0);
    assert!(output.stdout.contains("lacks nothing"), "{output}");
    assert_eq!(project.written().unwrap(), first);
}

#[test]
fn json_says_whether_it_was_written() {
    let project = Project::of(&[("main.py", APP)]);
    assert_eq!(project.seen()["written"], false);
    let done = project.adopt("", &["--json", "--yes"]).expect(0).json();
    assert_eq!((done["written"].as_bool(), done["schema"].as_str()), (Some(true), Some("plimsoll.adoption/1")));
    assert!(project.written().is_some());
}

#[test]
fn the_permissions_of_the_file_stay() {
    let project = Project::of(&[("main.py", APP), ("plimsoll.toml", "")]);
    let file = project.top.join("plimsoll.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    project.accepted();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_is_no_toml_is_left_alone() {
    let project = Project::of(&[("main.py", APP), ("plimsoll.toml", "[server\n")]);
    let output = project.adopt("", &["--yes"]).expect(3);
    assert!(output.stderr.contains("not TOML"), "{output}");
    assert_eq!(project.written().unwrap(), "[server\n");
}

#[test]
fn a_link_in_the_place_of_the_file_is_refused() {
    let project = Project::of(&[("main.py", APP)]);
    let elsewhere = project.plimsoll.directory().join("elsewhere.toml");
    fs::write(&elsewhere, "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, project.top.join("plimsoll.toml")).unwrap();
    let output = project.adopt("", &["--yes"]).expect(4);
    assert!(output.stderr.contains("is a link"), "{output}");
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "");
}

#[test]
fn another_file_can_be_named() {
    let project = Project::of(&[("main.py", APP)]);
    let named = project.plimsoll.directory().join("other.toml").display().to_string();
    project.adopt("", &["--yes", "--config", &named]).expect(0);
    assert!(fs::read_to_string(named).unwrap().contains("[service]"));
    assert_eq!(project.written(), None);
}

#[test]
fn a_folder_that_is_not_there_is_a_wrong_command_line() {
    let project = Project::of(&[]);
    let output = project.adopt("nowhere", &[]).expect(2);
    assert!(output.stderr.contains("nowhere"), "{output}");
}
