//! What an operator does at the command line: jobs of one tenant or of all, without a running
//! server or beside one. Orders are committed with the host as their actor.

use std::sync::Arc;

use plimsoll_core::{Clock, Code, JobId, Result, TenantId};
use plimsoll_store::{Pace, Scope, Store, bind};
use serde_json::Value;

use super::{
    figures::{Stats, Whose},
    find::Filter,
    order::{self, Done, Tally},
    record::{Detail, Line},
};
use crate::{
    ledger::{Change, Origin},
    work::Kinds,
};

static PACE: Pace = Pace::new();

/// What the commands work with.
#[derive(Clone)]
pub struct Desk {
    /// The data.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// The kinds this binary knows.
    pub kinds: Arc<Kinds>,
}

impl Desk {
    /// Jobs of a tenant, or of all, newest first, and how many there are in all.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(&self, tenant: Option<TenantId>, mut filter: Filter, limit: i64, offset: i64) -> Result<(Vec<Line>, i64)> {
        filter.everywhere = tenant.is_none();
        let scope = tenant.map_or(Scope::Host, Scope::Tenant);
        self.store.read(scope, &PACE, move |tx| Ok((filter.lines(tx, limit, offset)?, filter.count(tx)?))).await
    }

    /// Counts of a tenant, or of all.
    ///
    /// # Errors
    /// What the database says.
    pub async fn stats(&self, tenant: Option<TenantId>) -> Result<Stats> {
        let (scope, whose) = tenant.map_or((Scope::Host, Whose::Everybody), |id| (Scope::Tenant(id), Whose::Tenant));
        let now = self.clock.now();
        self.store.read(scope, &PACE, move |tx| Stats::count(tx, whose, now)).await
    }

    /// Whose job this is.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn owner(&self, id: JobId) -> Result<TenantId> {
        self.store
            .read(Scope::Host, &PACE, move |tx| tx.maybe::<TenantId>("SELECT tenant_id FROM job WHERE id = :id", bind! { id: id }))
            .await?
            .ok_or_else(|| Code::NotFound.because("there is no job with this id; `plimsoll jobs list` shows those there are"))
    }

    /// A job with everything.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn show(&self, id: JobId) -> Result<Detail> {
        let tenant = self.owner(id).await?;
        self.store.read(Scope::Tenant(tenant), &PACE, move |tx| Detail::find(tx, id)).await?.ok_or_else(order::absent)
    }

    /// Replays a dead letter, perhaps with another payload.
    ///
    /// # Errors
    /// As for [`order::replay`].
    pub async fn replay(&self, id: JobId, payload: Option<Value>, reason: Option<String>) -> Result<Done> {
        let kinds = self.kinds.clone();
        self.one(id, "jobs.replay", move |change| order::replay(change, &kinds, id, payload.as_ref(), reason.as_deref())).await
    }

    /// Discards a dead letter.
    ///
    /// # Errors
    /// As for [`order::discard`].
    pub async fn discard(&self, id: JobId, reason: String) -> Result<Done> {
        let kinds = self.kinds.clone();
        self.one(id, "jobs.discard", move |change| order::discard(change, &kinds, id, &reason)).await
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// As for [`order::cancel`].
    pub async fn cancel(&self, id: JobId, reason: Option<String>) -> Result<Done> {
        let kinds = self.kinds.clone();
        self.one(id, "jobs.cancel", move |change| order::cancel(change, &kinds, id, reason.as_deref())).await
    }

    /// Replays the oldest dead letters of a tenant that fit.
    ///
    /// # Errors
    /// What the database says.
    pub async fn replay_many(&self, tenant: TenantId, filter: Filter, limit: i64, reason: Option<String>) -> Result<Tally> {
        let kinds = self.kinds.clone();
        self.commit(tenant, "jobs.replay_many", move |change| {
            order::many(change, &filter, limit, |change, id| order::replay(change, &kinds, id, None, reason.as_deref()))
        })
        .await
    }

    /// Discards the oldest dead letters of a tenant that fit.
    ///
    /// # Errors
    /// What the database says.
    pub async fn discard_many(&self, tenant: TenantId, filter: Filter, limit: i64, reason: String) -> Result<Tally> {
        let kinds = self.kinds.clone();
        self.commit(tenant, "jobs.discard_many", move |change| {
            order::many(change, &filter, limit, |change, id| order::discard(change, &kinds, id, &reason))
        })
        .await
    }

    async fn one(
        &self,
        id: JobId,
        action: &'static str,
        f: impl FnOnce(&mut Change<'_, '_>) -> Result<Done> + Send + 'static,
    ) -> Result<Done> {
        let tenant = self.owner(id).await?;
        self.commit(tenant, action, f).await
    }

    async fn commit<T: Send + 'static>(
        &self,
        tenant: TenantId,
        action: &'static str,
        f: impl FnOnce(&mut Change<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        crate::identity::operate::commit(&self.store, tenant, Origin::host(self.clock.now(), action), f).await
    }
}
