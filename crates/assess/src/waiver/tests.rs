//! What is a waiver and what is none.

use super::{FILE, Scope, Waivers, fits};
use crate::{detect::Sight, source::Tree};

fn known(practice: &str) -> bool {
    ["rate-limit", "cors-allowlist"].contains(&practice)
}

fn read(text: &str) -> Result<Waivers, String> {
    Waivers::of(&Tree::of([(FILE, text)]), &known)
}

const WHOLE: &str = "[[waiver]]\npractice = \"rate-limit\"\nreason = \"inside only\"\nowner = \"platform\"\ncreated = 2026-11-01\n";

#[test]
fn a_waiver_holds_for_ninety_days_unless_it_says_otherwise() {
    let expires = |more: &str| read(&format!("{WHOLE}{more}")).unwrap().all[0].says.expires.clone();
    assert_eq!(expires(""), "2027-01-30");
    assert_eq!(expires("expires = 2026-12-31"), "2026-12-31");
    assert_eq!(expires("expires = \"2028-02-29\""), "2028-02-29");
    let waivers = read(&format!("# ours\n\n{WHOLE}paths = [\"app/*\"]\n")).unwrap();
    assert_eq!((waivers.all[0].says.source.as_str(), waivers.all[0].says.owner.as_deref()), (".plimsoll/waivers.toml:3", Some("platform")));
    assert!(!waivers.all[0].expired("2027-01-30") && waivers.all[0].expired("2027-01-31"));
}

#[test]
fn a_malformed_file_is_an_error_with_its_line() {
    let cases = [
        ("[[waiver]]\npractice = \"rate-limit\"\n", ".plimsoll/waivers.toml:1", "missing field"),
        (&WHOLE.replace("rate-limit", "rate-limits"), ":2", "there is no practice `rate-limits`"),
        (&WHOLE.replace("inside only", " "), ":3", "needs a reason"),
        (&WHOLE.replace("platform", ""), ":4", "needs an owner"),
        (&WHOLE.replace("2026-11-01", "\"soon\""), ":5", "not a day"),
        (&WHOLE.replace("2026-11-01", "\"2026-02-30\""), ":5", "not a day"),
        (&format!("{WHOLE}until = 2027-01-01\n"), ":6", "unknown field"),
        (&format!("{WHOLE}expires = 2026-10-31\n"), ":1", "before it was created"),
        (&format!("{WHOLE}expires = \n"), ":6", ""),
        ("[[waivers]]\n", ":1", "unknown field"),
    ];
    for (text, line, told) in cases {
        let error = read(text).unwrap_err();
        assert!(error.contains(line) && error.contains(told), "{text}\n{error}");
    }
    let tree = Tree { files: vec![crate::source::File { path: FILE.into(), bytes: vec![0xff] }], ..Tree::default() };
    assert!(Waivers::of(&tree, &known).unwrap_err().contains("UTF-8"));
}

#[test]
fn a_comment_waives_its_own_line_or_the_first_line_below_it() {
    let text = "import os\nx = 1  # plimsoll: allow cors-allowlist until 2027-01-01 public\n\n\
                # plimsoll: allow rate-limit until 2027-02-01 inside only\n# and this is why\n@app.get(\"/\")\ndef root(): ...\n";
    let waivers = Waivers::of(&Tree::of([("app.py", text)]), &known).unwrap();
    let lines = |first, last| Scope::Lines { file: "app.py".into(), first, last };
    assert_eq!(waivers.all.iter().map(|one| one.scope.clone()).collect::<Vec<_>>(), [lines(2, 2), lines(4, 6)]);
    assert_eq!((waivers.all[1].says.reason.as_str(), waivers.all[1].says.source.as_str()), ("inside only", "app.py:4"));
    let at =
        |file: &str, line, end| Sight { file: file.into(), line, end, symbol: String::new(), snippet: String::new(), note: String::new() };
    assert!(waivers.all[1].covers(&at("app.py", 6, 7)) && !waivers.all[1].covers(&at("app.py", 7, 7)));
    assert!(!waivers.all[1].covers(&at("b.py", 6, 6)), "another file is another fault");
    assert!(waivers.complaints.is_empty());
}

#[test]
fn comments_of_other_languages_waive_and_text_that_is_no_comment_does_not() {
    let line = "plimsoll: allow rate-limit until 2027-01-01 inside";
    for (text, count) in [
        (format!("// {line}\n"), 1),
        (format!("/* {line} */\n"), 1),
        (format!("<!-- {line} -->\n"), 1),
        (format!("-- {line}\n"), 1),
        (format!("x = \"{line}\"\n"), 0),
        (format!("see {line}\n"), 0),
    ] {
        let waivers = Waivers::of(&Tree::of([("a.x", text.as_str())]), &known).unwrap();
        assert_eq!(waivers.all.len(), count, "{text}");
        assert!(waivers.all.iter().all(|one| one.says.reason == "inside"), "{text}");
    }
    assert!(Waivers::of(&Tree::of([("README.md", format!("# {line}\n").as_str())]), &known).unwrap().all.is_empty());
}

#[test]
fn a_comment_that_is_wrong_waives_nothing_and_is_complained_about() {
    for (rest, told) in [
        ("rate-limits until 2027-01-01 x", "no practice"),
        ("rate-limit 2027-01-01 x", "write"),
        ("rate-limit until tomorrow x", "not a day"),
        ("rate-limit until 2027-13-01 x", "not a day"),
        ("rate-limit until 2027-01-01", "needs a reason"),
        ("rate-limit", "write"),
    ] {
        let text = format!("\n# plimsoll: allow {rest}\n");
        let waivers = Waivers::of(&Tree::of([("a.py", text.as_str())]), &known).unwrap();
        assert!(waivers.all.is_empty(), "{rest}");
        assert!(waivers.complaints[0].starts_with("a.py:2: ") && waivers.complaints[0].contains(told), "{:?}", waivers.complaints);
    }
}

#[test]
fn paths_are_patterns_and_folders() {
    for (pattern, path, expected) in [
        ("app/*", "app/a/b.py", true),
        ("app", "app/a.py", true),
        ("app/", "app/a.py", true),
        ("./app", "app/a.py", true),
        ("app", "application/a.py", false),
        ("*.py", "app/a.py", true),
        ("a*b*c", "axbxc", true),
        ("a*b*c", "axc", false),
        ("app/a.py", "app/a.py", true),
        ("", "app/a.py", false),
        ("*", "", true),
    ] {
        assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn hostile_files_are_read_without_harm() {
    let long = format!("# {}é plimsoll: allow rate-limit until 2027-01-01 x", "a".repeat(2000));
    let many = "# plimsoll: allow \n".repeat(500);
    let flood = "# plimsoll: allow rate-limit until 2027-01-01 x\n".repeat(50_000);
    let waivers = Waivers::of(&Tree::of([("a.py", flood.as_str())]), &known).unwrap();
    assert_eq!((waivers.all.len(), waivers.complaints.len()), (100, 1), "{:?}", waivers.complaints);
    for text in [long.as_str(), many.as_str(), "# plimsoll: allow \u{1b}[2J until 2027-01-01 x\n"] {
        let waivers = Waivers::of(&Tree::of([("a.py", text)]), &known).unwrap();
        assert!(waivers.all.is_empty());
        assert!(waivers.complaints.iter().all(|line| !line.contains('\u{1b}')));
    }
}
