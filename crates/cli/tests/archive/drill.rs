//! Drills, pruning, and new keys.

use std::fs;

use plimsoll_testkit::{Db, both};

use crate::yard::Yard;

both! {
    async fn a_drill_restores_and_compares_and_says_when_it_cannot(db: Db) {
        let yard = Yard::new(db).await;
        let none = yard.plimsoll.run(["backup", "drill", "--json"]).await.expect(1).json();
        assert!(none["good"] == false && none["findings"][0].as_str().unwrap().contains("no backup"), "{none}");

        let made = yard.backup().await;
        let good = yard.plimsoll.run(["backup", "drill", "--json"]).await.expect(0).json();
        assert_eq!((&good["good"], &good["backup_id"], &good["rows"]), (&true.into(), &made["id"], &made["rows"]), "{good}");
        assert!(good["rto_millis"].as_i64().unwrap() > 0 && good["rpo_seconds"].as_i64().unwrap() < 60, "{good}");

        let file = yard.files().pop().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() - 200;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        let bad = yard.plimsoll.run(["backup", "drill", "--json"]).await.expect(1).json();
        assert!(bad["good"] == false && bad["findings"][0].as_str().unwrap().contains("damaged"), "{bad}");
        // A goal that was missed is a finding too.
        yard.backup().await;
        let slow = yard.again().env("PLIMSOLL_ARCHIVE__RTO", "1ms").run(["backup", "drill", "--json"]).await.expect(1).json();
        assert!(slow["findings"][0].as_str().unwrap().contains("archive.rto"), "{slow}");
    }

    async fn pruning_keeps_what_the_policy_keeps_and_what_a_drill_has_proven(db: Db) {
        let yard = Yard::new(db).await;
        yard.backup().await;
        yard.plimsoll.run(["backup", "drill"]).await.expect(0);
        for _ in 0..3 {
            yard.backup().await;
        }
        let policy = || ["DAILY", "WEEKLY", "MONTHLY"].iter().fold(yard.again(), |it, span| it.env(format!("PLIMSOLL_ARCHIVE__KEEP_{span}"), "0"));
        let refused = policy().env("PLIMSOLL_ARCHIVE__KEEP_LAST", "0").run(["backup", "prune"]).await.expect(3);
        assert!(refused.stderr.contains("remove the last backup"), "{refused}");
        let before = yard.files();
        let gone = policy().env("PLIMSOLL_ARCHIVE__KEEP_LAST", "1").run(["backup", "prune", "--json"]).await.expect(0).json();
        assert_eq!(gone["removed"].as_array().unwrap().len(), 2, "{gone}");
        assert_eq!(yard.files(), [before[0].clone(), before[3].clone()]);
    }

    async fn a_new_key_opens_what_was_rewrapped_and_the_old_one_no_longer(db: Db) {
        let yard = Yard::new(db).await;
        yard.backup().await;
        let new = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned();
        let with = |key: &str| yard.again().env("PLIMSOLL_ARCHIVE__KEY", key);
        with(&new).run(["backup", "verify"]).await.expect(0);
        let done = with(&new).run(["backup", "rewrap", "--json"]).await.expect(0).json();
        assert_eq!(done["rewrapped"], 1);
        assert_eq!(with(&new).run(["backup", "rewrap", "--json"]).await.expect(0).json()["rewrapped"], 0);
        let shut = yard.plimsoll.run(["backup", "verify"]).await.expect(3);
        assert!(shut.stderr.contains("PLM-ARC-004"), "{shut}");
        with(&new).run(["backup", "verify"]).await.expect(0);
        with("ffeeddccbbaa998877665544332211000f1e2d3c4b5a69788796a5b4c3d2e1f0").env("PLIMSOLL_ARCHIVE__OLD_KEYS", format!("[\"{new}\"]")).run(["backup", "verify"]).await.expect(0);
    }
}
