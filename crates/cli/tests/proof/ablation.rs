//! The matrix: each practice switched off, its own probe must notice and no other may, on both
//! kinds of database.
//!
//! On SQLite every probe attacks every time. On PostgreSQL, where a private instance costs several
//! times as much, the probes of the same category do; `PLIMSOLL_TEST_MATRIX=full` makes it all.

use std::time::Duration;

use plimsoll_testkit::{Db, both, process::Plimsoll};

/// A matrix is some seventy proofs; on a machine with two cores and other tests it takes minutes.
const BOUND: Duration = Duration::from_secs(1500);

both! {
    async fn a_practice_switched_off_is_noticed_by_its_own_probe_and_by_no_other(db: Db) {
        let ground = db.ground();
        if let Some(database) = &ground.database {
            database.let_owner_make_databases();
        }
        let prover = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).on(&ground).within(BOUND);
        let full = db == Db::Sqlite || std::env::var_os("PLIMSOLL_TEST_MATRIX").is_some_and(|wanted| wanted == "full");
        let output = prover.run(["prove", "--ablate", "--json"].iter().copied().chain((!full).then_some("--near"))).await;
        let matrix = output.json();
        let rows = matrix["rows"].as_array().unwrap();
        let failing: Vec<_> = rows.iter().filter(|row| row["holds"] != true).collect();
        assert!(failing.is_empty(), "{failing:#?}");
        assert_eq!(matrix["unclean"], serde_json::json!([]), "with everything switched on every check holds");
        assert_eq!(matrix["without_switch"], serde_json::json!([]), "no probe without a switch");
        assert!(rows.len() >= 80, "only {} practices were switched off", rows.len());
        output.expect(0);
    }
}
