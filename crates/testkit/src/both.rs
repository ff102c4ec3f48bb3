//! One test body, two databases, two test names.

use crate::{
    Scratch,
    postgres::{self, Database},
};

/// The database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Db {
    /// The embedded database, a file in the data directory.
    Sqlite,
    /// PostgreSQL, on the test process's private server.
    Postgres,
}

/// An empty data directory and, on PostgreSQL, an empty database. Both go when it is dropped.
#[derive(Debug)]
pub struct Ground {
    /// The database. The first field, so that it is dropped before the directory.
    pub database: Option<Database>,
    /// The data directory, empty.
    pub data: Scratch,
}

impl Db {
    /// Fresh ground to build on.
    ///
    /// # Panics
    /// When there is no PostgreSQL and none can be installed.
    pub fn ground(self) -> Ground {
        let database = match self {
            Db::Sqlite => None,
            Db::Postgres => Some(postgres::server().database()),
        };
        Ground { database, data: Scratch::new() }
    }
}

impl Ground {
    /// The URL of the PostgreSQL database; `None` on SQLite.
    pub fn url(&self) -> Option<&str> {
        self.database.as_ref().map(|database| database.url.as_str())
    }
}

/// Runs an asynchronous test body on a runtime of its own. For [`both!`](crate::both!).
///
/// # Panics
/// When the operating system gives no threads.
#[doc(hidden)]
pub fn run(body: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap_or_else(|e| panic!("cannot start a runtime: {e}")).block_on(body);
}

/// Makes two tests of each function: `name::sqlite` and `name::postgres`.
///
/// ```
/// use plimsoll_testkit::{Db, both};
///
/// both! {
///     async fn a_fresh_place_is_empty(db: Db) {
///         let ground = db.ground();
///         assert_eq!(ground.url().is_some(), db == Db::Postgres);
///     }
/// }
/// ```
///
/// The body sees the names of the module around it. Functions that are not `async` work too;
/// several functions may stand in one `both!`.
#[macro_export]
macro_rules! both {
    () => {};
    ($(#[$meta:meta])* async fn $name:ident($db:ident: $type:ty) $body:block $($rest:tt)*) => {
        $crate::both!(@tests $(#[$meta])* $name $db $type {
            $crate::both::run(async move $body)
        });
        $crate::both!($($rest)*);
    };
    ($(#[$meta:meta])* fn $name:ident($db:ident: $type:ty) $body:block $($rest:tt)*) => {
        $crate::both!(@tests $(#[$meta])* $name $db $type $body);
        $crate::both!($($rest)*);
    };
    (@tests $(#[$meta:meta])* $name:ident $db:ident $type:ty $body:block) => {
        $(#[$meta])*
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports, reason = "not every body needs the names around it")]
            use super::*;

            fn body($db: $type) $body

            #[test]
            fn sqlite() {
                body($crate::Db::Sqlite);
            }
            #[test]
            fn postgres() {
                body($crate::Db::Postgres);
            }
        }
    };
}
