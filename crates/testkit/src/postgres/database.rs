//! One database of one test.

use super::{attempt, query, url};
use crate::place;

/// An empty database and its owner. Both are dropped with the value, connections or not; when
/// the server is gone by then, they went with it.
#[derive(Debug)]
pub struct Database {
    /// The URL of the owner, an ordinary role: what the service under test gets.
    pub url: String,
    /// The URL of the superuser at this database, to look behind the service's back.
    pub superuser_url: String,
    name: String,
    role: String,
    admin: String,
}

impl Database {
    /// Makes a role and its database with the superuser's URL `admin`.
    pub(super) fn create(admin: &str) -> Database {
        let (name, role) = (format!("test_{}", place::word()), format!("owner_{}", place::word()));
        let password = format!("{}{}", place::word(), place::word());
        query(admin, |client| {
            // One by one: CREATE DATABASE runs in no transaction, and a text of several
            // statements is one.
            client.batch_execute(&format!(
                "CREATE ROLE {role} LOGIN PASSWORD '{password}' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
            ))?;
            client.batch_execute(&format!("CREATE DATABASE {name} OWNER {role}"))?;
            // Roles of other tests stay out.
            client.batch_execute(&format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"))
        });
        Database {
            url: url::with(admin, &role, &password, &name),
            superuser_url: url::at(admin, &name),
            name,
            role,
            admin: admin.to_owned(),
        }
    }

    /// Lets the owner make further databases, as a proof does for its private instances.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn let_owner_make_databases(&self) {
        query(&self.admin, |client| client.batch_execute(&format!("ALTER ROLE {} CREATEDB", self.role)));
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The owner's name.
    pub fn role(&self) -> &str {
        &self.role
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = attempt(&self.admin, |client| {
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))?;
            client.batch_execute(&format!("DROP ROLE IF EXISTS {}", self.role))
        });
    }
}
