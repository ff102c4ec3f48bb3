//! The matrix: each practice switched off, its own probe must notice and no other may, on both
//! kinds of database.
//!
//! On SQLite every switch is turned. On PostgreSQL, where a private instance costs several times as
//! much, those are turned whose practice is kept with the database's help. The probes of the same
//! category attack each time; `PLIMSOLL_TEST_MATRIX=full` turns every switch on both and lets every
//! probe attack, which takes the better part of an hour and is done before a release.

use std::time::Duration;

use plimsoll_testkit::{Db, both, process::Plimsoll};

/// A matrix is more than a hundred proofs; on a machine with two cores and other tests it takes minutes.
const BOUND: Duration = Duration::from_secs(1800);

/// One matrix at a time: beside another one, waits that are long enough alone may not be.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Practices that are kept with the database's help: a switch turned there could do something else
/// on the other kind.
const KEPT_BY_DATA: &[&str] = &[
    "ai-bias",
    "ai-drift",
    "api-key-rotation",
    "api-keys",
    "async-heavy-work",
    "audit-log",
    "audit-security-events",
    "auth-refresh-tokens",
    "backup-automated",
    "backup-offsite",
    "backup-restore-tested",
    "backup-retention",
    "batch-writes",
    "connection-pool",
    "data-retention",
    "db-migrations",
    "db-migrations-on-deploy",
    "db-reconnect",
    "db-transactions",
    "dependency-failure-mapping",
    "dlq",
    "dlq-operations",
    "filtering",
    "fk-cascade-rules",
    "gdpr-rights",
    "health-dependencies",
    "http-caching-headers",
    "idempotency-keys",
    "job-queue",
    "model-artifact-store",
    "model-monitoring",
    "model-registry",
    "multi-tenancy",
    "pagination",
    "patch-partial-update",
    "pool-monitoring",
    "pubsub",
    "put-semantics",
    "query-timeouts",
    "readiness-probe",
    "secrets-rotation",
    "slow-query-monitoring",
    "soft-deletes",
    "sorting",
    "sql-injection",
    "stateless-app",
    "tenant-context",
    "tenant-rbac",
    "token-revocation",
    "user-accounts",
    "webhooks",
];

both! {
    async fn a_practice_switched_off_is_noticed_by_its_own_probe_and_by_no_other(db: Db) {
        let _alone = ALONE.lock().await;
        let ground = db.ground();
        if let Some(database) = &ground.database {
            database.let_owner_make_databases();
        }
        let prover = Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).on(&ground).within(BOUND);
        let full = std::env::var_os("PLIMSOLL_TEST_MATRIX").is_some_and(|wanted| wanted == "full");
        let all = full || db == Db::Sqlite;
        let few = KEPT_BY_DATA.iter().flat_map(|id| ["--only", *id]).filter(|_| !all);
        let near = ["--near"].into_iter().filter(|_| !full);
        let output = prover.run(["prove", "--ablate", "--json"].into_iter().chain(few).chain(near)).await;
        let matrix = output.json();
        let rows = matrix["rows"].as_array().unwrap();
        let failing: Vec<_> = rows.iter().filter(|row| row["holds"] != true).collect();
        assert!(failing.is_empty(), "{failing:#?}");
        assert_eq!(matrix["unclean"], serde_json::json!([]), "with everything switched on every check holds");
        assert_eq!(matrix["without_switch"], serde_json::json!([]), "no probe without a switch");
        let least = if all { 108 } else { KEPT_BY_DATA.len() };
        assert!(rows.len() >= least, "only {} practices were switched off", rows.len());
        output.expect(0);
    }
}
