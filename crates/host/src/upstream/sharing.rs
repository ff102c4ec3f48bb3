//! Who may act on what all tenants share.
//!
//! Mounted services, their breakers and a release belong to the host. Where there is one tenant,
//! its administrators run the host, and may act on it. Where there are several, an administrator
//! of one must not act on the others: who runs the host does it, at the operations listener.

use plimsoll_core::{Code, Result};
use plimsoll_store::{Pace, Scope};

use crate::Host;

static PACE: Pace = Pace::new();

/// Lets an administrator of a tenant go on where no other tenant is open.
///
/// # Errors
/// `Refused`, saying `what` is shared, where several are; what the database says.
pub async fn one_tenant(host: &Host, what: &str) -> Result<()> {
    let count = host.store.read(Scope::Host, &PACE, |tx| tx.row::<i64>("SELECT count(*) FROM tenant WHERE closed_at IS NULL", &[]));
    if count.await? > 1 {
        return Err(
            Code::Refused.because(format!("{what} is shared with other tenants; who runs the host sees to it at the operations listener"))
        );
    }
    Ok(())
}
