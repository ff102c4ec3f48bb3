//! A service whose backups lie in a folder of their own.

use std::path::{Path, PathBuf};

use plimsoll_testkit::{Db, Scratch, both::Ground, process::Plimsoll};
use serde_json::Value;

use crate::service::{binary, generous, key};

/// The master key of all these tests: a restored database is of use only with its own.
pub const MASTER: &str = "8f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8";

/// Places for a database and for its backups.
pub struct Yard {
    /// The binary on this database.
    pub plimsoll: Plimsoll,
    /// Where its backups lie.
    pub place: PathBuf,
    _place: Scratch,
    /// Its database.
    pub ground: Ground,
}

impl Yard {
    /// With a schema and without anything in it.
    pub async fn new(db: Db) -> Yard {
        let place = Scratch::new();
        let ground = db.ground();
        let plimsoll = at(&ground, place.path());
        plimsoll.run(["migrate", "up"]).await.expect(0);
        Yard { plimsoll, place: place.path().to_owned(), _place: place, ground }
    }

    /// With the tenant `acme`; the key of its owner.
    pub async fn settled(db: Db) -> (Yard, String) {
        let yard = Yard::new(db).await;
        let key = key(&yard.plimsoll).await;
        (yard, key)
    }

    /// The same once more, to be set up differently.
    pub fn again(&self) -> Plimsoll {
        at(&self.ground, &self.place)
    }

    /// Makes a backup; what is said of it.
    pub async fn backup(&self) -> Value {
        self.plimsoll.run(["backup", "create", "--json"]).await.expect(0).json()
    }

    /// The files of all backups, oldest first.
    pub fn files(&self) -> Vec<PathBuf> {
        let Ok(found) = std::fs::read_dir(self.place.join("backup")) else { return Vec::new() };
        let mut files: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// The binary on this ground, with backups in this folder.
pub fn at(ground: &Ground, place: &Path) -> Plimsoll {
    generous(binary().on(ground))
        .env("PLIMSOLL_ARCHIVE__PLACE", place)
        .env("PLIMSOLL_IDENTITY__MASTER_KEY", MASTER)
        .env("PLIMSOLL_ARCHIVE__SCHEDULED", "false")
}
