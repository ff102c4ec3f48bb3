use std::fs;

use super::{super::Caps, super::Refusal, Ground, commit, folder, paths, quiet, says};

#[test]
fn a_commit_is_read_as_it_was_and_the_work_tree_is_not_asked() {
    let ground = Ground::with(&[("app/a.py", "old"), ("img/x.png", "x"), (".venv/pyvenv.cfg", "x"), (".venv/b.py", "x")]);
    ground.git(&["init", "--quiet"]);
    ground.commit();
    ground.write("app/a.py", b"new");
    ground.write("app/c.py", b"new");
    let tree = commit(&ground.0, "HEAD");
    assert_eq!(paths(&tree), ["app/a.py"]);
    assert_eq!(tree.files[0].bytes, b"old");
    assert_eq!(tree.commit.as_ref().map(String::len), Some(40));
    assert!(tree.has("img/x.png") && !tree.incomplete, "{:?}", tree.skipped);
    assert!(says(&tree, ".venv/", "virtual environment"), "{:?}", tree.skipped);
    assert_eq!(paths(&commit(&ground.at("app"), "main")), ["a.py"], "a part of a repository has paths of its own");
}

#[test]
fn a_commit_and_the_folder_it_was_made_from_are_the_same_tree() {
    let ground = Ground::with(&[("a/b.py", "1"), ("c.md", "2"), ("d/e.png", "3"), ("big.csv", &"x,".repeat(600_000))]);
    ground.git(&["init", "--quiet"]);
    ground.commit();
    let (mut now, then) = (folder(&ground.0), commit(&ground.0, "HEAD"));
    now.commit.clone_from(&then.commit);
    assert_eq!(now, then);
}

#[test]
fn a_store_without_a_work_tree_is_read_too() {
    let ground = Ground::with(&[("a.py", "1")]);
    ground.git(&["init", "--quiet"]);
    ground.commit();
    let bare = Ground::new();
    bare.git(&["clone", "--quiet", "--bare", ground.0.to_str().unwrap(), "store"]);
    assert_eq!(paths(&commit(&bare.at("store"), "HEAD")), ["a.py"]);
}

#[test]
fn names_that_are_no_commit_are_refused_and_never_taken_for_options() {
    let ground = Ground::with(&[("a.py", "1")]);
    ground.git(&["init", "--quiet"]);
    ground.commit();
    for name in ["", "nowhere", "--all", "-x", "HEAD\n", "HEAD:a.py", "--upload-pack=touch x"] {
        let said = super::super::commit(&ground.0, name, &Caps::default(), &quiet);
        assert!(matches!(said, Err(Refusal::NotThere(_))), "{name:?}: {said:?}");
    }
    let nothing = Ground::new();
    assert!(matches!(super::super::commit(&nothing.0, "HEAD", &Caps::default(), &quiet), Err(Refusal::NotThere(_))));
}

/// Each of these settings starts a program in one or another command of `git`.
#[test]
fn nothing_that_a_repository_configures_is_run() {
    let ground =
        Ground::with(&[("a.py", "1"), (".gitattributes", "*.py filter=trap diff=trap\n"), ("lib/b.py", "1"), (".gitignore", "lib/\n")]);
    ground.git(&["init", "--quiet"]);
    ground.commit();
    let (trap, mark) = (ground.at(".git/trap"), ground.at(".git/sprung"));
    fs::write(&trap, format!("#!/bin/sh\necho run >> '{}'\ncat\n", mark.display())).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&trap, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let trap = trap.display();
    let config = format!(
        "[core]\n\trepositoryformatversion = 1\n\tfsmonitor = {trap}\n\thooksPath = {hooks}\n\tpager = {trap}\n\tsshCommand = {trap}\n\
         \taskPass = {trap}\n\teditor = {trap}\n\tgitProxy = {trap}\n\talternateRefsCommand = {trap}\n\tworktree = /\n\
         [extensions]\n\tpartialClone = origin\n\
         [remote \"origin\"]\n\turl = ext::{trap} %S\n\tpromisor = true\n\tuploadpack = {trap}\n\tpartialclonefilter = blob:none\n\
         [protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n\
         [filter \"trap\"]\n\tclean = {trap}\n\tsmudge = {trap}\n\tprocess = {trap}\n\trequired = true\n\
         [diff]\n\texternal = {trap}\n[diff \"trap\"]\n\ttextconv = {trap}\n\
         [alias]\n\tls-tree = !{trap}\n\tcat-file = !{trap}\n\trev-parse = !{trap}\n\
         [credential]\n\thelper = !{trap}\n[gpg]\n\tprogram = {trap}\n[include]\n\tpath = more\n",
        hooks = ground.at(".git/hooks").display(),
    );
    fs::create_dir_all(ground.at(".git/hooks")).unwrap();
    for hook in ["post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout"] {
        fs::copy(ground.at(".git/trap"), ground.at(&format!(".git/hooks/{hook}"))).unwrap();
    }
    fs::write(ground.at(".git/config"), config).unwrap();
    // A lacking object would be fetched from the remote, which is a program here.
    let lost = lose(&ground, "a.py");
    let tree = commit(&ground.0, "HEAD");
    assert!(tree.incomplete && says(&tree, "a.py", "not in the store"), "{lost}: {:?}", tree.skipped);
    let tree = folder(&ground.0);
    assert!(paths(&tree).contains(&"lib/b.py"), "the index was read: {:?}", paths(&tree));
    assert!(!mark.exists(), "a program of the repository was run: {}", fs::read_to_string(&mark).unwrap_or_default());
    // The trap is set: whoever asks carelessly steps into it.
    let careless = std::process::Command::new("git").arg("-C").arg(&ground.0).args(["--work-tree=.", "status"]).output().unwrap();
    assert!(mark.exists(), "{}", String::from_utf8_lossy(&careless.stderr));
}

/// Takes the object of a file out of the store.
fn lose(ground: &Ground, path: &str) -> String {
    let tree = commit(&ground.0, "HEAD");
    let bytes = &tree.get(path).unwrap().bytes;
    let object = [format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat();
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &object);
    let id: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    fs::remove_file(ground.at(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))).unwrap();
    id
}
