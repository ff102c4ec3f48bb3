//! Erasing and exporting at the command line, without a running server.

use plimsoll_core::Result;
use plimsoll_store::Scope;

use super::{Subjects, certificate::Signed, export::Copy};
use crate::{
    identity::operate::Desk,
    ledger::{Change, Origin},
};

impl Desk {
    /// Erases a subject in one tenant; the certificate.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::NotFound`] for the tenant; else as [`Subjects::find`] and [`Subjects::erase`].
    pub async fn erase_subject(&self, subjects: &std::sync::Arc<Subjects>, tenant: &str, kind: &str, key: &str) -> Result<Signed> {
        let tenant = self.tenant(tenant).await?.id;
        let found = subjects.find(&self.store, tenant, kind, key).await?;
        let (subjects, origin) = (subjects.clone(), Origin::host(self.clock.now(), "subject.erase"));
        let work = move |tx: &mut plimsoll_store::Tx<'_>| {
            let mut change = Change::new(tx, &origin);
            let signed = subjects.erase(&mut change, &found)?;
            change.finish(None, true)?;
            Ok(signed)
        };
        self.store.commit(Scope::Tenant(tenant), work).await
    }

    /// Everything about a subject in one tenant.
    ///
    /// # Errors
    /// As [`Desk::erase_subject`].
    pub async fn export_subject(&self, subjects: &std::sync::Arc<Subjects>, tenant: &str, kind: &str, key: &str) -> Result<Copy> {
        let tenant = self.tenant(tenant).await?.id;
        let found = subjects.find(&self.store, tenant, kind, key).await?;
        let (subjects, origin) = (subjects.clone(), Origin::host(self.clock.now(), "subject.export"));
        let work = move |tx: &mut plimsoll_store::Tx<'_>| {
            let mut change = Change::new(tx, &origin);
            let copy = subjects.copy(&mut change, &found)?;
            change.finish(None, true)?;
            Ok(copy)
        };
        self.store.commit(Scope::Tenant(tenant), work).await
    }
}
