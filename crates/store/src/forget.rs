//! Removing a tenant with everything that belongs to it.
//!
//! Which tables tenants own is asked of the database itself, so a table that a system adds later
//! is not forgotten. Nobody keeps a list of what refers to what either: a table whose rows are
//! still referred to is tried again when others are empty.

use plimsoll_core::{Code, Result, TenantId};

use crate::{Scope, Sql, Tx, bind, dialect};

impl Tx<'_> {
    /// Removes every row of `tenant` from every table that tenants own; how many there were.
    /// Takes the tenant's turn first, so that none of its writers is in the middle of a change.
    ///
    /// # Errors
    /// [`Code::Internal`] outside of the host's scope; [`Code::Conflict`] where rows of somebody
    /// else refer to this tenant's.
    pub fn forget(&mut self, tenant: TenantId) -> Result<u64> {
        if self.scope() != Scope::Host {
            return Err(Code::Internal.error().caused_by("a tenant is removed in the host's scope"));
        }
        self.write("DELETE FROM plimsoll_scope WHERE scope = :tenant", bind! { tenant: tenant })?;
        let mut left: Vec<String> = self.rows(dialect::tenant_tables(self.kind()), &[])?;
        let mut removed = 0;
        while !left.is_empty() {
            let (before, mut blocked) = (left.len(), None);
            let mut again = Vec::new();
            for table in left {
                let sql = Sql::made(format!("DELETE FROM \"{}\" WHERE tenant_id = :tenant", table.replace('"', "\"\"")));
                match self.attempt(|tx| tx.write(sql, bind! { tenant: tenant })) {
                    Ok(rows) => removed += rows,
                    Err(error) if error.code() == Code::Conflict => {
                        blocked = Some(error);
                        again.push(table);
                    }
                    Err(error) => return Err(error),
                }
            }
            if let Some(error) = blocked.filter(|_| again.len() == before) {
                return Err(error);
            }
            left = again;
        }
        Ok(removed)
    }
}
