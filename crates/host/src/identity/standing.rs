//! A credential that somebody holds for longer than a request.

use http::HeaderMap;
use plimsoll_core::{Principal, Result};

use super::{
    layer::presented,
    resolve::{Enforced, Presented},
};
use crate::Host;

/// What a request presented, to be asked again whether it still counts.
pub(crate) struct Credential(Presented);

impl Credential {
    /// The credential in these headers, if there is one.
    ///
    /// # Errors
    /// [`plimsoll_core::Code::CredentialInvalid`] for a header that cannot be read.
    pub(crate) fn of(headers: &HeaderMap, secure: bool) -> Result<Option<Credential>> {
        Ok(presented(headers, secure)?.map(Credential))
    }

    /// Who it belongs to now.
    ///
    /// # Errors
    /// Status 401 where it does not count any more; what the database says.
    pub(crate) async fn stands(&self, host: &Host) -> Result<Principal> {
        let now = host.clock.now();
        if let Some(who) = host.identity.remembered(&self.0.cache_key(), now) {
            return Ok(who);
        }
        host.identity.resolve(Enforced::by(host), &self.0, now).await.map_err(|refusal| refusal.error)
    }
}
