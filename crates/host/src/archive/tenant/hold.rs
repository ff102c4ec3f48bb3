//! Keeping everybody away from a tenant for a while.
//!
//! A held tenant's requests are answered 503, and its ledger takes no entry, so that no change on
//! record can commit, in whichever process it was begun: an append looks at the tenant's row in the
//! same statement.

use plimsoll_core::{Clock, Code, Error, Result, TenantId, Time};
use plimsoll_store::{Pace, Scope, Store, Tx, bind};
use serde_json::json;

use crate::ledger::{Note, Origin, chain};

static PACE: Pace = Pace::new();

/// Why a tenant is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Since when.
    pub at: Time,
    /// Why: what is being done to it.
    pub why: String,
}

/// The refusal of everything while a tenant is held.
pub fn refusal() -> Error {
    Code::TenantHeld.because("this tenant's data is being moved or restored; nothing was done, try again in a while").retry_after(5)
}

/// Whether, since when and why a tenant is held.
///
/// # Errors
/// What the database says.
pub async fn held(store: &Store, tenant: TenantId) -> Result<Option<Held>> {
    store.read(Scope::Tenant(tenant), &PACE, move |tx| standing(tx, tenant)).await
}

fn standing(tx: &Tx<'_>, tenant: TenantId) -> Result<Option<Held>> {
    let row: Option<(Time, Option<String>)> =
        tx.maybe("SELECT held_at, held_why FROM tenant WHERE id = :id AND held_at IS NOT NULL", bind! { id: tenant })?;
    Ok(row.map(|(at, why)| Held { at, why: why.unwrap_or_default() }))
}

/// Holds a tenant; one that is held already stays so, for the new reason. Other processes learn of
/// it within their `cache_lifetime`; a change that they begin until then does not commit.
///
/// # Errors
/// [`Code::NotFound`] for a tenant that is not there; what the database says.
pub async fn hold(store: &Store, clock: &Clock, tenant: TenantId, why: &str) -> Result<()> {
    let (origin, why) = (Origin::host(clock.now(), "tenant.hold"), why.to_owned());
    store
        .commit(Scope::Tenant(tenant), move |tx| {
            if standing(tx, tenant)?.is_none() {
                let note = Note { target: format!("tenants/{tenant}"), detail: Some(json!({ "why": why })), ..Note::default() };
                // The last entry before the hold, which refuses every other.
                chain::append(tx, &origin, &note)?;
            }
            let now = origin.at;
            let found = tx.write(
                "UPDATE tenant SET held_at = COALESCE(held_at, :now), held_why = :why WHERE id = :id",
                bind! { now: now, why: why, id: tenant },
            )?;
            if found == 0 { Err(Code::NotFound.because("there is no such tenant")) } else { Ok(()) }
        })
        .await
}

/// Lets everybody in again, inside a transaction of the tenant's scope; the next entry can be
/// appended then.
///
/// # Errors
/// What the database says.
pub(super) fn let_in(tx: &mut Tx<'_>, tenant: TenantId) -> Result<()> {
    tx.write("UPDATE tenant SET held_at = NULL, held_why = NULL WHERE id = :id", bind! { id: tenant })?;
    // Its jobs may run again.
    tx.notify(crate::work::CALLS);
    Ok(())
}

/// Ends a hold without finishing what it was for.
///
/// # Errors
/// [`Code::Conflict`] for a tenant that is not held.
pub async fn release(store: &Store, clock: &Clock, tenant: TenantId) -> Result<()> {
    let origin = Origin::host(clock.now(), "tenant.release");
    store
        .commit(Scope::Tenant(tenant), move |tx| {
            let Some(held) = standing(tx, tenant)? else {
                return Err(Code::Conflict.because("this tenant is not held"));
            };
            let_in(tx, tenant)?;
            let note = Note { target: format!("tenants/{tenant}"), detail: Some(json!({ "why": held.why })), ..Note::default() };
            chain::append(tx, &origin, &note)
        })
        .await
}
