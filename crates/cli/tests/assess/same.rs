//! The same files give the same bytes: however often, with a memory and without, from a folder and from a commit.

use std::{collections::BTreeSet, fs};

use crate::{
    project::{Project, timeless},
    samples,
};

#[test]
fn twenty_runs_give_one_report() {
    let project = Project::of(samples::PYTHON.1);
    let reports: BTreeSet<String> = (0..20).map(|_| timeless(project.report(&[]))).collect();
    assert_eq!(reports.len(), 1);
}

#[test]
fn what_is_remembered_changes_nothing() {
    for (name, files) in samples::ALL {
        let project = Project::of(files);
        let without = timeless(project.report(&["--no-cache"]));
        assert!(!project.plimsoll.directory().join("cache").exists(), "nothing is remembered that is not to be");
        let first = timeless(project.report(&[]));
        assert!(fs::read_dir(project.plimsoll.directory().join("cache")).unwrap().count() > 0, "something is remembered");
        let second = timeless(project.report(&[]));
        assert!(without == first && first == second, "{name}");
    }
}

#[test]
fn a_file_that_changed_is_read_again() {
    let project = Project::of(samples::PYTHON.1);
    let before = project.report(&[]);
    assert_eq!(crate::project::status(&before, "rate-limit"), "implemented");
    let (path, text) = samples::PYTHON.1[1];
    project.write(path, text.replace("app.add_middleware(SlowAPIMiddleware)\n", ""));
    assert_ne!(crate::project::status(&project.report(&[]), "rate-limit"), "implemented");
}

#[test]
fn a_commit_is_read_like_the_folder_it_was_made_of() {
    let project = Project::of(samples::GO.1);
    project.git(&["init", "--quiet"]);
    project.git(&["add", "--all"]);
    project.git(&["commit", "--quiet", "-m", "first"]);
    project.git(&["tag", "first"]);
    let folder = project.report(&[]);
    let commit = project.report(&["--ref", "first"]);
    assert_eq!(commit["practices"], folder["practices"]);
    assert_eq!(commit["header"]["target"]["commit"].as_str().unwrap().len(), 40);

    // Later states of the folder change nothing about the commit.
    fs::remove_file(project.top.join("orders/orders.go")).unwrap();
    assert_eq!(project.report(&["--ref", "first"])["practices"], folder["practices"]);
    assert_ne!(project.report(&[])["practices"], folder["practices"]);
    let wrong = project.assess(&["--ref", "nobody"]).expect(2);
    assert!(wrong.stderr.contains("nobody"), "{wrong}");
}
