//! Repositories that mean harm: reading them ends, within the bounds, and says what was left out.

use std::{fs, time::Instant};

use super::{super::Caps, Ground, commit, folder, paths, quiet, says};

#[cfg(unix)]
#[test]
fn links_are_never_followed_and_those_that_lead_outside_are_said() {
    use std::os::unix::fs::symlink;
    let outside = Ground::with(&[("secret.py", "KEY = 1")]);
    let ground = Ground::with(&[("a/b.py", "1")]);
    symlink(".", ground.at("loop")).unwrap();
    symlink("..", ground.at("a/up")).unwrap();
    symlink(&outside.0, ground.at("out")).unwrap();
    symlink(outside.at("secret.py"), ground.at("a/stolen.py")).unwrap();
    symlink("b.py", ground.at("a/same.py")).unwrap();
    symlink("/etc/passwd", ground.at("photo.png")).unwrap();
    symlink("self", ground.at("self")).unwrap();
    let tree = folder(&ground.0);
    assert_eq!(paths(&tree), ["a/b.py"]);
    assert!(says(&tree, "a/stolen.py", "leads outside") && says(&tree, "out", "leads outside"), "{:?}", tree.skipped);
    assert!(says(&tree, "a/same.py", "a link to b.py"), "{:?}", tree.skipped);
    assert!(tree.incomplete, "what lies outside could have been code");
    ground.git(&["init", "--quiet"]);
    ground.commit();
    let then = commit(&ground.0, "HEAD");
    assert_eq!(paths(&then), ["a/b.py"]);
    assert!(then.incomplete && says(&then, "a/stolen.py", "leads outside"), "{:?}", then.skipped);
}

#[cfg(unix)]
#[test]
fn pipes_and_sockets_are_not_opened() {
    let ground = Ground::with(&[("a.py", "1")]);
    let made = std::process::Command::new("mkfifo").arg(ground.at("wait.py")).arg(ground.at(".gitignore")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(ground.at("s.py")).unwrap();
    ground.git(&["init", "--quiet"]);
    let tree = folder(&ground.0);
    assert_eq!(paths(&tree), ["a.py"]);
    assert!(tree.skipped.iter().any(|line| line.contains("no regular file")), "{:?}", tree.skipped);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_shown_as_far_as_they_can_be() {
    use std::os::unix::ffi::OsStrExt;
    let ground = Ground::with(&[("a.py", "1"), ("evil\u{1b}[2Jname.png", "x")]);
    fs::write(ground.0.join(std::ffi::OsStr::from_bytes(b"b\xff.py")), "1").unwrap();
    fs::create_dir(ground.0.join(std::ffi::OsStr::from_bytes(b"dir\xff"))).unwrap();
    ground.git(&["init", "--quiet"]);
    ground.commit();
    for tree in [folder(&ground.0), commit(&ground.0, "HEAD")] {
        assert_eq!(paths(&tree), ["a.py"]);
        assert!(tree.incomplete && says(&tree, "b\u{fffd}.py", "no UTF-8"), "{:?}", tree.skipped);
        assert!(tree.skipped.iter().all(|line| !line.contains('\u{1b}')), "{:?}", tree.skipped);
    }
}

#[test]
fn a_file_without_end_and_one_that_is_sparse_cost_nothing() {
    let ground = Ground::with(&[("a.py", "1")]);
    fs::File::create(ground.at("huge.py")).unwrap().set_len(1 << 40).unwrap();
    fs::File::create(ground.at("huge.zip")).unwrap().set_len(1 << 40).unwrap();
    let began = Instant::now();
    let tree = folder(&ground.0);
    assert!(began.elapsed().as_secs() < 10);
    assert_eq!(paths(&tree), ["a.py"]);
    assert!(says(&tree, "huge.py", "larger than 4096 KiB") && says(&tree, "huge.zip", "no text"), "{:?}", tree.skipped);
}

#[test]
fn a_thousand_folders_in_each_other_end_at_the_bound() {
    let ground = Ground::new();
    let deep = vec!["d"; 900].join("/");
    fs::create_dir_all(ground.at(&deep)).unwrap();
    ground.write(&format!("{deep}/a.py"), b"1");
    let tree = folder(&ground.0);
    assert!(tree.files.is_empty() && tree.incomplete);
    assert!(tree.skipped.iter().any(|line| line.contains("more than 64 folders deep")), "{:?}", tree.skipped);
}

#[test]
fn thousands_of_tiny_files_are_read_up_to_the_bound() {
    let ground = Ground::new();
    for number in 0..4_000 {
        ground.write(&format!("d{}/f{number}.py", number % 40), b"");
    }
    let tree = super::super::folder(&ground.0, &Caps { files: 3_000, ..Caps::default() }, &quiet).unwrap();
    assert_eq!(tree.files.len(), 3_000);
    assert!(tree.incomplete && tree.skipped.len() < 300, "the list of what was left out has a bound too: {}", tree.skipped.len());
    assert!(tree.skipped.iter().any(|line| line.starts_with("and 800 more files")), "{:?}", tree.skipped.last());
}

#[test]
fn an_ignore_file_that_is_a_weapon_is_cut_and_the_walk_ends() {
    let ground = Ground::with(&[("a.py", "1")]);
    let stars = format!("{}\n", "*a".repeat(400)).repeat(3_000);
    let braces = format!("{}\n", "{a,b}".repeat(200)).repeat(100);
    ground.write(".gitignore", format!("{stars}{braces}[z-a]\n{}\n", "x".repeat(1 << 20)).as_bytes());
    ground.git(&["init", "--quiet"]);
    let began = Instant::now();
    assert!(paths(&folder(&ground.0)).contains(&"a.py"));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

/// A commit whose trees hold each other ten times, level by level: a few objects, ten thousand million paths.
#[test]
fn a_commit_that_unfolds_into_more_entries_than_anybody_can_list_is_cut() {
    use std::process::{Command, Stdio};
    let ground = Ground::new();
    ground.git(&["init", "--quiet"]);
    let feed = |words: &[&str], text: String| {
        use std::io::Write;
        let mut child =
            Command::new("git").arg("-C").arg(&ground.0).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let mut id = feed(&["hash-object", "-w", "--stdin"], "x = 1\n".into());
    let mut sort = "100644 blob";
    for _ in 0..10 {
        id = feed(&["mktree"], (0..10).map(|number| format!("{sort} {id}\td{number}\n")).collect());
        sort = "040000 tree";
    }
    let commit = feed(&["-c", "user.name=t", "-c", "user.email=t@example.com", "commit-tree", &id, "-m", "x"], String::new());
    let began = Instant::now();
    let caps = Caps { entries: 20_000, files: 2_000, ..Caps::default() };
    let tree = super::super::commit(&ground.0, &commit, &caps, &quiet).unwrap();
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    assert_eq!(tree.files.len(), 2_000);
    assert!(tree.incomplete && tree.skipped.iter().any(|line| line.contains("more than 20000 entries")), "{:?}", &tree.skipped[..3]);
}
