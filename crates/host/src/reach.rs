//! Who is bound to places of a tenant, and what follows of it.
//!
//! A system that declares a [`Reach`] has its statements told less for a person or a key that is
//! bound: [`crate::Ctx::read`] and [`crate::Ctx::commit`] confine the transaction, so no handler can
//! forget it. Who is bound to nothing reaches everything. A key is bound as whoever made it, unless
//! it has bindings of its own.
//!
//! The host's own routes tell of the whole tenant: its ledger, its jobs, its people, its data as a
//! file. To somebody who is bound they are closed, one by one only those are open that say so
//! ([`crate::route::RouteMut::bound_too`]). Of events such a caller hears those about what is within reach.

use plimsoll_core::{Access, Code, Principal, PrincipalKind, Result};
use plimsoll_store::{Pace, Reach, Reached, Scope, Sql, Tx, bind};

use crate::{Host, route::Route, work::events::Published};

static PACE: Pace = Pace::new();

/// Most keys that made each other.
const MAKERS: usize = 8;

/// Somebody who may be bound, and in what.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    reach: &'static Reach,
    who: Principal,
}

impl Bounds {
    /// Whose bindings count; `None` where there are none.
    pub(crate) fn member(&self, tx: &Tx<'_>) -> Result<Option<String>> {
        let mut any = Sql::from("SELECT 1 FROM ");
        any.push(self.reach.bindings);
        any.push(" WHERE tenant_id = :tenant LIMIT 1");
        if tx.maybe::<i64>(any, bind! {})?.is_none() {
            return Ok(None);
        }
        let mut member = self.who.id.to_string();
        for _ in 0..MAKERS {
            let mut own = Sql::from("SELECT 1 FROM ");
            own.push(self.reach.bindings);
            own.push(" WHERE tenant_id = :tenant AND member = :member LIMIT 1");
            if tx.maybe::<i64>(own, bind! { member: member })?.is_some() {
                return Ok(Some(member));
            }
            let maker: Option<String> =
                tx.maybe("SELECT created_by FROM api_key WHERE tenant_id = :tenant AND id = :member", bind! { member: member })?;
            let Some(maker) = maker else { return Ok(None) };
            member = maker;
        }
        Err(Code::Forbidden.because("too many keys made each other to tell what this one reaches").reasoned("reach"))
    }

    /// Confines a transaction to what is reached; whoever calls this ends it with `confine(None)`.
    pub(crate) fn confine(&self, tx: &Tx<'_>) -> Result<()> {
        tx.confine(self.member(tx)?.map(|member| (self.reach, member)));
        Ok(())
    }

    /// Runs `f` as whoever is bound may.
    pub(crate) fn within<T>(&self, tx: &Tx<'_>, f: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.confine(tx)?;
        let done = f(tx);
        tx.confine(None);
        done
    }

    /// Whether an event is about something within the reach of `member`.
    fn hears(&self, tx: &Tx<'_>, member: &str, host: &Host, event: &Published) -> Result<bool> {
        let Some((_, table)) = self.reach.events.iter().find(|(source, _)| *source == event.source) else {
            // Of another system that binds nobody.
            return Ok(host.routes.all().iter().any(|route| {
                route.template == event.source && route.system != HOST && host.reaches.iter().all(|(system, _)| *system != route.system)
            }));
        };
        let subject = event.subject.as_deref().and_then(|subject| subject.parse::<i64>().ok());
        match (self.reach.of(table), subject) {
            (Some((_, Reached::Open)), _) => Ok(true),
            (Some((table, Reached::Place(_) | Reached::Via { .. })), Some(id)) => {
                let mut sql = Sql::from("SELECT 1 FROM ");
                sql.push(table);
                sql.push(" WHERE tenant_id = :tenant AND id = :id");
                tx.confine(Some((self.reach, member.to_owned())));
                let found = tx.maybe::<i64>(sql, bind! { id: id });
                tx.confine(None);
                Ok(found?.is_some())
            }
            _ => Ok(false),
        }
    }
}

/// The name under which the host's own routes are declared.
const HOST: &str = "host";

/// Whether somebody who is bound has to be turned away from a route: the host's own tell of everybody.
pub(crate) fn closes(route: &Route) -> bool {
    route.system == HOST && !route.bound_too && matches!(route.access, Access::Needs { .. } | Access::Nobody)
}

impl Host {
    /// What `who` may be bound in, on routes of `system`. Work of the host itself never is.
    pub(crate) fn bounds(&self, system: &str, who: &Principal) -> Option<Bounds> {
        let (_, reach) = self.reaches.iter().find(|(name, _)| *name == system)?;
        matches!(who.kind, PrincipalKind::Person | PrincipalKind::Key).then(|| Bounds { reach, who: who.clone() })
    }

    /// Turns away who is bound in any system.
    pub(crate) async fn unbound(&self, who: &Principal) -> Result<()> {
        for (system, _) in &self.reaches {
            let Some(bounds) = self.bounds(system, who) else { continue };
            if self.store.read(Scope::Tenant(who.tenant), &PACE, move |tx| bounds.member(tx)).await?.is_some() {
                let sentence = "this tells of the whole tenant, and you are bound to a part of it";
                return Err(Code::Forbidden.because(sentence).reasoned("reach"));
            }
        }
        Ok(())
    }

    /// For each of these events whether `who` may hear of it, as far as it depends on what they are bound to.
    pub(crate) fn heard(&self, tx: &Tx<'_>, who: &Principal, events: &[Published]) -> Result<Vec<bool>> {
        let mut heard = vec![true; events.len()];
        for (system, _) in &self.reaches {
            let Some(bounds) = self.bounds(system, who) else { continue };
            let Some(member) = bounds.member(tx)? else { continue };
            for (heard, event) in heard.iter_mut().zip(events) {
                *heard = *heard && bounds.hears(tx, &member, self, event)?;
            }
        }
        Ok(heard)
    }
}
