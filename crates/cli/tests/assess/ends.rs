//! How it ends: 0 done, 1 what was asked to fail on is there, 2 usage, 3 incomplete.

use crate::{project::Project, samples};

#[test]
fn gaps_alone_fail_nothing_and_what_was_asked_for_does() {
    let project = Project::of(samples::PYTHON.1);
    project.assess(&[]).expect(0);
    let failed = project.assess(&["--fail-on", "critical"]).expect(1);
    assert!(failed.stdout.contains("critical"), "{failed}");
    project.assess(&["--fail-on", "score<1"]).expect(0);
    project.assess(&["--fail-on", "score<100"]).expect(1);
    project.assess(&["--fail-on", "incomplete,conflict,expired"]).expect(0);
}

#[test]
fn a_wrong_command_line_ends_with_2_before_anything_is_read() {
    let project = Project::of(samples::PYTHON.1);
    let cases: [&[&str]; 12] = [
        &["--fail-on", "everything"],
        &["--fail-on", "score<ten"],
        &["--format", "pdf"],
        &["--format", "html", "--format", "json"],
        &["--out", "report.html"],
        &["--template", "poster", "--format", "html"],
        &["--new-only"],
        &["--baseline", "nowhere.json"],
        &["--explain", "nothing-like-it"],
        &["--rules", "nowhere"],
        &["--credential", "TOKEN"],
        &["--live", "ftp://example.org"],
    ];
    for case in cases {
        let output = project.assess(case).expect(2);
        assert!(output.stdout.is_empty() && !output.stderr.trim().is_empty() && !output.stderr.contains("panicked"), "{case:?}: {output}");
    }
    let nowhere = project.run(&["assess", "nowhere"]).expect(2);
    assert!(nowhere.stderr.contains("nowhere"), "{nowhere}");
    let address = project.run(&["assess", "https://127.0.0.1:9/a/b"]).expect(2);
    assert!(address.stderr.contains("no public address"), "{address}");
}

#[test]
fn what_was_left_out_and_could_have_mattered_is_never_a_pass() {
    let project = Project::of(samples::PYTHON.1);
    // Code of more than four mebibytes is not read.
    project.write("app/large.py", "x = 1\n".repeat(800_000));
    let output = project.assess(&["--fail-on", "score<1"]).expect(3);
    assert!(output.stdout.contains("app/large.py") && output.stdout.contains("never a pass"), "{output}");
    project.assess(&[]).expect(3);
    // Where a gap was asked for and is there, that counts.
    project.assess(&["--fail-on", "critical"]).expect(1);
    project.assess(&["--fail-on", "incomplete"]).expect(1);
    project.run(&["assess", "facts", "shop"]).expect(3);
}
