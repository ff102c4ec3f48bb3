//! Databases that exist for a moment: private instances of a proof stand on them.

use plimsoll_core::{Code, Result};

/// Makes an empty database on the server of `url`; its own address.
///
/// # Errors
/// When the role may not make databases.
pub async fn create(url: &str) -> Result<String> {
    let _ = url;
    Err(Code::DatabaseUnavailable.because("scratch databases cannot be made yet"))
}

/// Removes a database that [`create`] made.
///
/// # Errors
/// When the server refuses.
pub async fn discard(server: &str, url: &str) -> Result<()> {
    let _ = (server, url);
    Ok(())
}
