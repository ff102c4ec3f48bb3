//! What a restore refuses, and what it leaves then: everything as it was.

use std::fs;

use plimsoll_testkit::{Db, both, process::Plimsoll};

use crate::{
    service::{add, artists},
    yard::{Yard, at},
};

/// Restoring ends with this code and says these words, and the folder of the target stays empty.
async fn refused(target: &Plimsoll, name: &str, code: i32, words: &str) {
    let output = target.run(["backup", "restore", name]).await.expect(code);
    assert!(output.stderr.contains(words), "{name}: {output}");
    assert!(!output.stderr.contains("panicked"), "{output}");
    let left: Vec<_> = fs::read_dir(target.directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{name}: {left:?}");
}

both! {
    async fn an_archive_that_is_not_whole_or_not_ours_changes_nothing(db: Db) {
        let yard = Yard::new(db).await;
        yard.backup().await;
        let whole = fs::read(&yard.files()[0]).unwrap();
        let ground = db.ground();
        let target = at(&ground, &yard.place);
        let put = |name: &str, content: &[u8]| {
            fs::write(yard.place.join("backup").join(name), content).unwrap();
            format!("backup/{name}")
        };
        let mut flipped = whole.clone();
        flipped[whole.len() - 100] ^= 4;
        let mut newer = whole.clone();
        newer[9] = 9;
        let cases = [
            (put("a.plm", &flipped), "PLM-ARC-001"),
            (put("b.plm", &whole[..whole.len() - 1]), "truncated"),
            (put("c.plm", &whole[..40]), "truncated"),
            (put("d.plm", &[&whole[..], b"x"].concat()), "bytes follow its end"),
            (put("e.plm", b"SQLite format 3\0 and so on"), "PLM-ARC-002"),
            (put("f.plm", &newer), "PLM-ARC-003"),
        ];
        for (name, words) in &cases {
            refused(&target, name, 1, words).await;
            let verified = yard.plimsoll.run(["backup", "verify", name]).await.expect(1);
            assert!(verified.stderr.contains(words), "{verified}");
        }
        let stranger = at(&ground, &yard.place).env("PLIMSOLL_IDENTITY__MASTER_KEY", "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0");
        refused(&stranger, "latest", 3, "PLM-ARC-004").await;
        refused(&target, "bak_0", 2, "backup list").await;
        // What is broken does not hide what is whole, and the list says so.
        let listed = yard.plimsoll.run(["backup", "list", "--json"]).await.expect(0).json();
        assert_eq!(listed["items"].as_array().unwrap().iter().filter(|one| one["name"] == "backup/c.plm").count(), 0, "{listed}");
        assert!(listed["unreadable"].to_string().contains("backup/e.plm"), "{listed}");
    }

    async fn a_database_that_holds_something_is_never_written_over(db: Db) {
        let (yard, key) = Yard::settled(db).await;
        let running = yard.plimsoll.start().await;
        let client = running.client().with_bearer(&key);
        add(&client, "kept").await.expect(201);
        yard.backup().await;
        add(&client, "later").await.expect(201);
        let refusal = yard.plimsoll.run(["backup", "restore"]).await.expect(4);
        assert!(refusal.stderr.contains("PLM-OPS-001"), "{refusal}");
        if db == Db::Sqlite {
            let refusal = yard.plimsoll.run(["backup", "restore", "--replace"]).await.expect(4);
            assert!(refusal.stderr.contains("Stop it first"), "{refusal}");
        }
        assert!(artists(&client).await.contains_key("later"));
        running.stop().await;
        let refusal = yard.plimsoll.run(["backup", "restore"]).await.expect(4);
        assert!(refusal.stderr.contains(if db == Db::Sqlite { "--replace" } else { "not empty" }), "{refusal}");
    }
}

#[test]
fn an_embedded_database_gives_way_when_asked_and_is_kept() {
    both::run(async {
        let (yard, key) = Yard::settled(Db::Sqlite).await;
        let running = yard.plimsoll.start().await;
        let client = running.client().with_bearer(&key);
        add(&client, "then").await.expect(201);
        yard.backup().await;
        add(&client, "later").await.expect(201);
        running.crash().await;

        let done = yard.plimsoll.run(["backup", "restore", "--replace", "--json"]).await.expect(0).json();
        let running = yard.plimsoll.start().await;
        let found = artists(&running.client().with_bearer(&key)).await;
        assert!(found.contains_key("then") && !found.contains_key("later"), "{found:?}");
        running.stop().await;

        // The file that gave way is a whole database, with what its log held.
        let other = plimsoll_testkit::Scratch::new();
        fs::copy(done["kept"].as_str().unwrap(), other.join("plimsoll.db")).unwrap();
        let running = at(&yard.ground, &yard.place).data(other.path()).start().await;
        let found = artists(&running.client().with_bearer(&key)).await;
        assert!(found.contains_key("then") && found.contains_key("later"), "{found:?}");
        running.stop().await;
    });
}

#[test]
fn a_damaged_database_gives_way_with_its_log() {
    both::run(async {
        let (yard, key) = Yard::settled(Db::Sqlite).await;
        yard.backup().await;
        let file = yard.ground.data.join("plimsoll.db");
        fs::write(&file, "this is no database").unwrap();
        fs::write(yard.ground.data.join("plimsoll.db-wal"), "nor a log").unwrap();
        yard.plimsoll.run(["backup", "restore", "--replace"]).await.expect(0);
        let running = yard.plimsoll.start().await;
        running.client().with_bearer(&key).get("/v1/artists").await.expect(200);
        running.stop().await;
    });
}
