//! The same promises, kept on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod bed;
mod commits;
mod cost;
mod limits;
mod log;
mod migrations;
mod outage;
mod reads;
mod rows;
mod scratch;
mod server;
mod tables;
mod tenants;
mod values;
mod wake;

/// Runs each test once per database.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::bed::Bed::sqlite()).await })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name($crate::bed::Bed::postgres()).await })*
        }
    };
}
pub(crate) use on_both;
