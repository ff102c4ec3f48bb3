use std::{fs, path::PathBuf};

use super::Cache;
use crate::{
    source::{File, Tree},
    wiring,
};

/// A folder of a test's own, which goes away.
struct Ground(PathBuf);

impl Ground {
    fn new() -> Ground {
        let chance = u64::from_le_bytes(plimsoll_core::Seed::system().bytes());
        let path = std::env::temp_dir().join(format!("plimsoll-cache-{}-{chance:016x}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Ground(path)
    }
    fn cache(&self, version: &str) -> Cache {
        Cache::open(&self.0, "subject", version)
    }
    fn pack(&self) -> PathBuf {
        let entry = fs::read_dir(&self.0).unwrap().flatten().find(|entry| entry.path().extension().is_some_and(|it| it == "pack"));
        entry.expect("a pack").path()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const DOCKER: &str = "FROM python:3.12-slim AS build\nRUN pip install -r requirements.txt\nUSER app\nCMD [\"uvicorn\", \"app:app\"]\n";

fn tree() -> Tree {
    Tree::of([("Dockerfile", DOCKER), ("api/Dockerfile", DOCKER), ("tiny.env", "A=1")])
}

/// Reads the whole tree; how many were remembered and how many were read.
fn run(cache: Cache, tree: &Tree) -> (usize, usize) {
    for file in &tree.files {
        assert_eq!(cache.read(file), wiring::read(&file.path, &file.bytes), "{}", file.path);
    }
    let counts = cache.counts();
    cache.keep().unwrap();
    counts
}

#[test]
fn what_was_read_once_is_remembered_and_is_the_same() {
    let ground = Ground::new();
    assert_eq!(run(ground.cache("1"), &tree()), (0, 2), "the smallest are not worth it");
    let written = fs::metadata(ground.pack()).unwrap().modified().unwrap();
    assert_eq!(run(ground.cache("1"), &tree()), (2, 0));
    assert_eq!(fs::metadata(ground.pack()).unwrap().modified().unwrap(), written, "nothing has changed, nothing is written");
}

#[test]
fn another_text_another_path_or_another_version_is_read_again() {
    let ground = Ground::new();
    run(ground.cache("1"), &tree());
    assert_eq!(run(ground.cache("2"), &tree()), (0, 2), "another version");
    let changed = Tree::of([("Dockerfile", DOCKER), ("api/Dockerfile", &DOCKER.replace("app\n", "root\n"))]);
    assert_eq!(run(ground.cache("2"), &changed), (1, 1), "another text");
    let moved = Tree::of([("web/Dockerfile", DOCKER)]);
    assert_eq!(run(ground.cache("2"), &moved), (0, 1), "another path");
    assert_eq!(run(ground.cache("2"), &tree()), (0, 2), "what the last run did not ask for is gone");
}

#[test]
fn a_damaged_entry_is_as_if_it_were_not_there() {
    let ground = Ground::new();
    run(ground.cache("1"), &tree());
    let whole = fs::read(ground.pack()).unwrap();
    let damages: [fn(&mut Vec<u8>); 6] = [
        |pack| pack.truncate(pack.len() / 3),
        |pack| pack.truncate(70),
        |pack| pack[100] ^= 1,
        |pack| pack[70] ^= 1,
        |pack| pack.iter_mut().for_each(|byte| *byte = 0xFF),
        |pack| pack.retain(|byte| *byte != b'\n'),
    ];
    for damage in damages {
        let mut pack = whole.clone();
        damage(&mut pack);
        fs::write(ground.pack(), &pack).unwrap();
        let (remembered, read) = run(ground.cache("1"), &tree());
        assert!(read >= 1 && remembered + read == 2, "{remembered} {read}");
        assert_eq!(run(ground.cache("1"), &tree()), (2, 0), "and it is repaired");
    }
}

#[test]
fn without_a_folder_nothing_is_remembered_and_a_folder_that_cannot_be_written_is_said() {
    let cache = Cache::none();
    let file = File { path: "Dockerfile".into(), bytes: DOCKER.into() };
    assert_eq!(cache.read(&file), wiring::read(&file.path, &file.bytes));
    assert_eq!(cache.counts(), (0, 0));
    assert!(cache.keep().is_ok());
    let ground = Ground::new();
    fs::write(ground.0.join("file"), "").unwrap();
    let cache = Cache::open(&ground.0.join("file/below"), "subject", "1");
    cache.read(&file);
    assert!(cache.keep().is_err());
}

#[test]
fn only_the_newest_packs_are_kept() {
    let ground = Ground::new();
    for number in 0..super::PACKS + 5 {
        let cache = Cache::open(&ground.0, &number.to_string(), "1");
        cache.read(&File { path: "Dockerfile".into(), bytes: DOCKER.into() });
        cache.keep().unwrap();
    }
    assert_eq!(fs::read_dir(&ground.0).unwrap().count(), super::PACKS);
}
