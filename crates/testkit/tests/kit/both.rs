use plimsoll_testkit::{Db, both, postgres};

both! {
    /// Each body runs once per database, under a name that says which.
    async fn a_body_runs_on_the_database_its_name_says(db: Db) {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let ground = db.ground();
        match db {
            Db::Sqlite => {
                assert!(name.ends_with("a_body_runs_on_the_database_its_name_says::sqlite"), "{name}");
                assert_eq!(ground.url(), None);
            }
            Db::Postgres => {
                assert!(name.ends_with("a_body_runs_on_the_database_its_name_says::postgres"), "{name}");
                let url = ground.url().unwrap();
                assert_eq!(postgres::query(url, |client| client.query_one("SELECT 1 + 1", &[])).get::<_, i32>(0), 2);
            }
        }
        tokio::task::yield_now().await;
    }

    fn ground_is_empty_and_goes_with_its_value(db: Db) {
        let ground = db.ground();
        let data = ground.data.path().to_path_buf();
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);

        drop(ground);

        assert!(!data.exists());
    }
}
