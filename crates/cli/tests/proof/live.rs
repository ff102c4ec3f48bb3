//! `plimsoll prove` on private copies, on both kinds of database.

use plimsoll_testkit::{Db, both, both::Ground, postgres, process::Plimsoll};

fn prover(ground: &Ground) -> Plimsoll {
    Plimsoll::at(env!("CARGO_BIN_EXE_plimsoll")).on(ground)
}

/// The databases on the server of this ground that a proof made.
fn scratch_databases(ground: &Ground) -> Vec<String> {
    let Some(database) = &ground.database else { return Vec::new() };
    let sql = "SELECT d.datname::text FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = $1 AND d.datname <> $2";
    postgres::query(&database.superuser_url, |client| {
        Ok(client.query(sql, &[&database.role(), &database.name()])?.iter().map(|row| row.get(0)).collect())
    })
}

both! {
    async fn a_practice_is_proven_on_private_copies_that_leave_nothing_behind(db: Db) {
        let ground = db.ground();
        if let Some(database) = &ground.database {
            database.let_owner_make_databases();
        }
        let proven = prover(&ground).run(["prove", "--only", "auth-required"]).await.expect(0);
        let said = format!("{}{}", proven.stdout, proven.stderr);
        assert!(said.contains("auth-required") && ["implemented", "partial"].iter().any(|status| said.contains(status)), "{said}");
        assert_eq!(scratch_databases(&ground), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_role_that_may_not_make_databases_is_told_what_to_grant() {
    let ground = Db::Postgres.ground();
    let role = ground.database.as_ref().unwrap().role();
    let refused = prover(&ground).run(["prove", "--only", "auth-required"]).await.expect(3);
    assert!(refused.stderr.contains(&format!("ALTER ROLE {role} CREATEDB")), "{}", refused.stderr);
}
