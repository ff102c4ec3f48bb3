//! No room left, where backups lie and where one is restored.

use std::fs;

use plimsoll_testkit::{Db, Scratch, both};

use crate::{
    disk::Disk,
    service::{add, artists},
    yard::{Yard, at},
};

both! {
    async fn a_backup_without_room_leaves_nothing_and_disturbs_nobody(db: Db) {
        let (yard, key) = Yard::settled(db).await;
        let small = Scratch::new();
        let Some(disk) = Disk::over(small.path(), "1m") else { return };
        let running = yard.plimsoll.start().await;
        let client = running.client().with_bearer(&key);
        for n in 0..30 {
            add(&client, &format!("artist {n}")).await.expect(201);
        }
        let ballast = disk.fill(2 << 10);
        let plimsoll = at(&yard.ground, small.path());
        let refused = plimsoll.run(["backup", "create"]).await.expect(3);
        assert!(refused.stderr.contains("PLM-DAT-002"), "{refused}");
        let left: Vec<_> = fs::read_dir(small.join("backup")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        add(&client, "while it is full").await.expect(201);
        fs::remove_file(ballast).unwrap();
        plimsoll.run(["backup", "create"]).await.expect(0);
        plimsoll.run(["backup", "drill"]).await.expect(0);
        assert_eq!(artists(&client).await.len(), 31);
        running.stop().await;
    }

    async fn a_restore_without_room_leaves_no_database_and_succeeds_once_there_is_some(db: Db) {
        // A server's disk is not ours to fill; what it says then is told by the store's own tests.
        if db == Db::Postgres {
            return;
        }
        let (yard, key) = Yard::settled(db).await;
        let running = yard.plimsoll.start().await;
        let client = running.client().with_bearer(&key);
        for n in 0..200 {
            let song = serde_json::json!({ "title": format!("song {n}"), "url": format!("https://example.org/{n}/{}", "x".repeat(900)) });
            client.post("/v1/songs").json(song).await.expect(201);
        }
        yard.backup().await;
        running.stop().await;
        let small = Scratch::new();
        let Some(disk) = Disk::over(small.path(), "8m") else { return };
        let ballast = disk.fill(900 << 10);
        let plimsoll = yard.again().data(small.path());
        let refused = plimsoll.run(["backup", "restore"]).await.expect(3);
        assert!(refused.stderr.contains("PLM-DAT-002"), "{refused}");
        let left: Vec<_> = fs::read_dir(small.path()).unwrap().map(|entry| entry.unwrap().file_name()).filter(|name| name != "ballast").collect();
        assert!(left.is_empty(), "{left:?}");
        fs::remove_file(ballast).unwrap();
        plimsoll.run(["backup", "restore"]).await.expect(0);
        let running = plimsoll.start().await;
        let songs = running.client().with_bearer(&key).get("/v1/songs?page_size=1").await.expect(200);
        assert_eq!(songs.at("/pagination/total_items"), 200, "{songs}");
        running.stop().await;
    }
}
