mod broken;
mod guards;
mod running;
mod secrets;

use super::{Sort, module, sort};
use crate::{fact::Facts, source::Tree};

pub(in crate::wiring) fn facts_of(files: &[(&str, &str)]) -> Facts {
    super::facts(&Tree::of(files.iter().copied()))
}

fn left(path: &str) -> bool {
    matches!(sort(path, b"x = 1\n"), Sort::Left { .. })
}

fn test(path: &str) -> bool {
    matches!(sort(path, b"x = 1\n"), Sort::Ours { test: true })
}

#[test]
fn other_peoples_code_and_old_code_are_left_out_with_their_folder() {
    assert_eq!(
        sort("tool/.venv_pdf/lib/x.py", b""),
        Sort::Left { folder: "tool/.venv_pdf/".into(), why: "a committed virtual environment" }
    );
    for path in [
        "web/node_modules/a/index.js",
        "vendor/github.com/x/y.go",
        "archive/main.py",
        "backend/old/main.py",
        "dist/main.js",
        "api_pb2.py",
        "a.min.js",
    ] {
        assert!(left(path), "{path}");
    }
    for path in
        ["src/main.py", "archive/readme.md", "crates/host/src/archive/pack.rs", "cmd/build/main.go", "app/vendors.py", "build/Dockerfile"]
    {
        assert!(!left(path), "{path}");
    }
}

#[test]
fn tests_are_known_by_folder_and_by_name() {
    for path in [
        "tests/a.py",
        "a/b_test.go",
        "src/x.test.ts",
        "src/__tests__/x.js",
        "src/test/java/A.java",
        "test_x.py",
        "OrderServiceTest.java",
        "bench/peer/app.py",
    ] {
        assert!(test(path), "{path}");
    }
    for path in ["src/contest.py", "src/latest.go", "app/testimony/x.py", "src/attest.ts"] {
        assert!(!test(path), "{path}");
    }
}

#[test]
fn a_module_is_called_by_its_path() {
    assert_eq!(module("backend/app/core/security.py"), "backend.app.core.security");
    assert_eq!(module("backend/app/__init__.py"), "backend.app");
    assert_eq!(module("main.go"), "main");
}

#[test]
fn the_same_tree_gives_the_same_facts_and_says_what_was_left_out() {
    let files = [
        ("a/main.py", "import b\nb.go()\n"),
        ("a/b.py", "def go():\n    return 1\n"),
        (".venv/lib/x.py", "x = 1\n"),
        (".venv/lib/y.py", "x = 1\n"),
        ("tool/pyvenv.cfg", ""),
        ("tool/lib/z.py", "x = 1\n"),
    ];
    let (first, second) = (facts_of(&files), facts_of(&files));
    assert_eq!(first.all(), second.all());
    assert_eq!(first.skipped, [".venv/: a committed virtual environment, 2 files", "tool/: a committed virtual environment, 2 files"]);
    assert!(first.all().iter().all(|fact| !first.path(fact.file).contains("venv")));
}

#[test]
fn bytes_that_are_no_text_disturb_nobody() {
    let mut tree = Tree::of([("a.py", "x = 1\n")]);
    tree.files.push(crate::source::File { path: "b.py".into(), bytes: vec![0xff, 0xfe, 0x00, 0x28, 0xc3, b'\n', b'd', b'e', b'f'] });
    assert_eq!(super::facts(&tree).files.len(), 2);
}

#[test]
fn a_module_that_rust_compiles_for_tests_only_belongs_to_the_tests() {
    let tree = Tree::of([
        ("src/main.rs", "mod live;\n#[cfg(test)]\nmod stand_in;\n"),
        ("src/live.rs", "#[cfg(test)]\n#[path = \"x\"]\nmod deep;\n#[cfg(test)]\nmod tests {}\n"),
        ("src/live/deep/one.rs", ""),
        ("src/stand_in.rs", ""),
        ("src/stand_ins.rs", ""),
    ]);
    let sorts = super::sort::all(&tree);
    let tests: Vec<bool> = sorts.iter().map(|sort| matches!(sort, Sort::Ours { test: true })).collect();
    let paths: Vec<&str> = tree.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["src/live.rs", "src/live/deep/one.rs", "src/main.rs", "src/stand_in.rs", "src/stand_ins.rs"]);
    assert_eq!(tests, [false, true, false, true, false]);
}

#[test]
fn settings_that_an_example_or_a_document_names_are_described() {
    let facts = facts_of(&[
        (
            "app/main.py",
            "import os\nA = os.environ['DATABASE_URL']\nB = os.getenv('PORT')\nC = os.environ['SECRET_KEY']\nD = os.getenv('LEVEL')\n",
        ),
        (".env.example", "DATABASE_URL=x\n"),
        ("README.md", "# Songs\nIt listens on `PORT`; the level of its log is a secret key.\n"),
    ]);
    let said: Vec<_> = facts.of(crate::fact::Kind::Env).map(|fact| (fact.name.as_str(), fact.get("described"))).collect();
    assert_eq!(said, [("DATABASE_URL", Some("yes")), ("PORT", Some("yes")), ("SECRET_KEY", Some("no")), ("LEVEL", Some("no"))]);
}
