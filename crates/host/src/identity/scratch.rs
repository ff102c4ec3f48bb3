//! Tenants that exist for the moment of a probe.
//!
//! Their short names begin with [`PREFIX`], which nobody else may use: so what a prober removes is
//! never anything but what a prober made. A scratch tenant leaves with everything in it, its
//! ledger included; that it was there, and is gone, stands in the host's own ledger.

use plimsoll_core::{Code, Result, TenantId, UserId};
use plimsoll_store::{Scope, Tx, bind};
use serde_json::json;

use super::{
    operate::{Desk, commit},
    people::{self, Tenant},
};
use crate::ledger::Note;

/// How the short name of every scratch tenant begins, and of no other.
pub const PREFIX: &str = "probe-";

/// Accounts of the tenant that came into being with it and that nobody else knows. Those that
/// have left it stand in its ledger.
const OWN_PEOPLE: &str = "SELECT p.id FROM person p WHERE p.created_at >= (SELECT t.created_at FROM tenant t WHERE t.id = :tenant) \
    AND (EXISTS (SELECT 1 FROM member m WHERE m.person_id = p.id AND m.tenant_id = :tenant) \
        OR EXISTS (SELECT 1 FROM ledger l WHERE l.tenant_id = :tenant AND l.target = 'users/' || p.id)) \
    AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = p.id AND m.tenant_id <> :tenant) \
    AND NOT EXISTS (SELECT 1 FROM session s WHERE s.person_id = p.id AND s.tenant_id <> :tenant)";

impl Desk {
    /// Makes a tenant for a probe.
    ///
    /// # Errors
    /// [`Code::Refused`] for a short name that does not begin with [`PREFIX`]; else as for
    /// [`Desk::create_tenant`].
    pub async fn create_scratch_tenant(&self, slug: &str) -> Result<Tenant> {
        scratch(slug)?;
        let slug = people::any_slug(slug, "/slug")?;
        let id = TenantId::new(self.clock.now(), &self.seed);
        commit(&self.store, id, self.origin("tenant.create"), move |change| {
            change.note(Note { target: format!("tenants/{id}"), detail: Some(json!({ "scratch": true })), ..Note::default() });
            people::insert_tenant(change, id, &slug, &slug)
        })
        .await
    }

    /// Removes a scratch tenant with everything in it, and the accounts made for it. The entry in
    /// the host's ledger comes first: nothing goes without a record. A tenant that is not there is
    /// no fault.
    ///
    /// # Errors
    /// [`Code::Refused`] for a tenant that no probe made.
    pub async fn remove_scratch_tenant(&self, slug: &str) -> Result<()> {
        scratch(slug)?;
        let tenant = match self.tenant(slug).await {
            Ok(tenant) => tenant.id,
            Err(error) if error.code() == Code::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let named = json!({ "slug": slug, "scratch": true });
        commit(&self.store, TenantId::from_bits(0), self.origin("tenant.remove"), move |change| {
            change.note(Note { target: format!("tenants/{tenant}"), detail: Some(named), ..Note::default() });
            Ok(())
        })
        .await?;
        self.store.commit(Scope::Host, move |tx| remove(tx, tenant)).await
    }
}

fn scratch(slug: &str) -> Result<()> {
    if slug.starts_with(PREFIX) {
        return Ok(());
    }
    Err(Code::Refused.because(format!("`{slug}` is no scratch tenant: those begin with `{PREFIX}`")))
}

fn remove(tx: &mut Tx<'_>, tenant: TenantId) -> Result<()> {
    let people: Vec<UserId> = tx.rows(OWN_PEOPLE, bind! { tenant: tenant })?;
    tx.forget(tenant)?;
    tx.write("DELETE FROM tenant WHERE id = :id", bind! { id: tenant })?;
    for id in people {
        tx.write("DELETE FROM person WHERE id = :id", bind! { id: id })?;
    }
    Ok(())
}
